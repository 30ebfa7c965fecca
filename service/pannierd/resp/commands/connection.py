"""Commands on the connection itself: who it is, and in which version of the protocol it speaks."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any, Final

from pannierd import __version__
from pannierd.errors import Unauthenticated
from pannierd.resp.commands.options import NotAnInteger, read_integer
from pannierd.resp.commands.row import STRANGER, Row
from pannierd.resp.refusals import Refusal, syntax_error, wrong_arity
from pannierd.resp.replies import DIALECTS, OK, PONG, bulk, simple

if TYPE_CHECKING:
    from pannierd.resp.protocol import Command
    from pannierd.resp.session import Session

REDIS_VERSION: Final = "7.4.0"
"""Clients switch features on by it: client-side caching from 7.4."""

NAME_CHARACTERS: Final = frozenset((string.ascii_letters + string.digits + string.punctuation).encode())


def auth(session: Session, command: Command) -> bytes:
    """AUTH token, AUTH name token. The name is ignored: the token says it all."""
    if len(command) > 3:  # noqa: PLR2004 - words
        raise syntax_error()
    if session.lane.tenants.open and len(command) == 2:  # noqa: PLR2004 - words
        raise Refusal(
            "ERR AUTH <password> called without any password configured for the default user. "
            "Are you sure your configuration is correct?"
        )
    _authenticate(session, command[-1])
    return OK


def hello(session: Session, command: Command) -> bytes:
    """HELLO [version [AUTH name token] [SETNAME name]]."""
    dialect = session.dialect
    if len(command) > 1:
        try:
            version = read_integer(command[1])
        except NotAnInteger as error:
            raise Refusal("ERR Protocol version is not an integer or out of range") from error
        if version not in DIALECTS:
            raise Refusal("NOPROTO unsupported protocol version")
        dialect = DIALECTS[version]
    token, name = _hello_options(command)
    if token is not None:
        _authenticate(session, token)
    if session.caller is None:
        raise Refusal(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH "
            "<user> <pass> option can be used to authenticate the client and select the RESP protocol version at the "
            "same time",
            Unauthenticated,
        )
    if name is not None:
        session.name = client_name(name)
    session.speak(dialect)
    return dialect.encode(_greeting(session))


def ping(_: Session, command: Command) -> bytes:
    """PONG, or the message."""
    if len(command) > 2:  # noqa: PLR2004 - words
        raise wrong_arity("ping")
    return bulk(command[1]) if len(command) == 2 else PONG  # noqa: PLR2004 - words


def echo(_: Session, command: Command) -> bytes:
    """The message."""
    return bulk(command[1])


def quit_(session: Session, _: Command) -> bytes:
    """The connection ends behind this reply."""
    session.is_ended = True
    return OK


def reset(session: Session, _: Command) -> bytes:
    """As if the connection were new."""
    session.reset()
    return simple("RESET")


def select(_: Session, command: Command) -> bytes:
    """There is one database; namespaces are chosen with PN.NS."""
    if read_integer(command[1]) != 0:
        raise Refusal("ERR DB index is out of range")
    return OK


def client_name(name: bytes) -> str:
    """A name that a client gives itself.

    Raises:
        Refusal: it would break CLIENT LIST.
    """
    if not NAME_CHARACTERS.issuperset(name):
        raise Refusal("ERR Client names cannot contain spaces, newlines or special characters.")
    return name.decode()


def _authenticate(session: Session, token: bytes) -> None:
    try:
        caller = session.lane.tenants.by_token(token)
    except Unauthenticated as error:
        raise Refusal("WRONGPASS invalid username-password pair or user is disabled.", Unauthenticated) from error
    session.authenticate(caller)


def _hello_options(command: Command) -> tuple[bytes | None, bytes | None]:
    """The token and the name."""
    token = name = None
    at = 2
    while at < len(command):
        option, left = command[at].upper(), len(command) - at - 1
        if option == b"AUTH" and left > 1:
            token, at = command[at + 2], at + 3
        elif option == b"SETNAME" and left:
            name, at = command[at + 1], at + 2
        else:
            raise Refusal(f"ERR Syntax error in HELLO option '{command[at][:128].decode('utf-8', 'replace')}'")
    return token, name


def _greeting(session: Session) -> dict[str, Any]:
    return {
        "server": "redis",
        "version": REDIS_VERSION,
        "proto": session.dialect.version,
        "id": session.number,
        "mode": "standalone",
        "role": "master",
        "modules": [],
        "pannier": __version__,
    }


ROWS: Final = (
    Row("AUTH", auth, -2, "Authenticates by token.", STRANGER),
    Row("HELLO", hello, -1, "Greets, and may choose the protocol and authenticate.", STRANGER),
    Row("PING", ping, -1, "Answers."),
    Row("ECHO", echo, 2, "Answers with the message."),
    Row("QUIT", quit_, -1, "Ends the connection.", STRANGER, is_immediate=True),
    Row("RESET", reset, 1, "Makes the connection as new.", STRANGER, is_immediate=True),
    Row("SELECT", select, 2, "Chooses database 0, the only one."),
)
