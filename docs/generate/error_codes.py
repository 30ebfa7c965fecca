"""The page of the error codes, from the two trees: the daemon's and the client's."""

from __future__ import annotations

from markdown import code, first_sentence, page, table

from pannier import errors as client_errors
from pannierd.errors import PannierdError, codes

INTRODUCTION = """\
Every error has a code. The codes are the same over HTTP (`code` in the problem document), on the lane (the first
word of a `PN.*` error, in upper case) and in the client (the exception's class and its `code`). Texts are for
people and may change. What to do about each is told in [troubleshooting](../guide/troubleshooting.md)."""


def error_page() -> str:
    """Every code once."""
    known = codes()
    rows = [_row(known[name], name) for name in known]
    own = [kind for kind in client_errors.PannierError.__subclasses__() if kind.code not in known]
    rows += [(code(kind.code), "", _class(kind.code), "no", first_sentence(kind.__doc__)) for kind in own]
    heads = ("code", "HTTP status", "exception of the client", "can a retry help", "meaning")
    return page("Error codes", INTRODUCTION, table(heads, rows))


def _row(error: type[PannierdError], name: str) -> tuple[str, ...]:
    retry = "yes" if error.retryable else "no"
    return (code(name), str(error.status), _class(name), retry, first_sentence(error.__doc__))


def _class(name: str) -> str:
    kinds = {kind.code: kind for kind in client_errors.PannierError.__subclasses__()}
    return code(f"pannier.{kinds[name].__name__}")
