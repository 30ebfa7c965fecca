"""What no OpenAPI document can say, and so must not be held against an answer."""

from typing import Any

import schemathesis


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Whether the case is one that the document decides.

    Two headers that exclude each other cannot be described; nobody may refuse a header that means nothing to him; and
    the boundary cases take 0 for a valid header whatever its pattern is.
    """
    headers = {name.lower(): value for name, value in (case.headers or {}).items()}
    return (
        not {"if-match", "if-none-match"} <= headers.keys()
        and "x-schemathesis-unknown-property" not in headers
        and headers.get("if-match") != "0"
    )


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """JSON Schema takes 1.0 for an integer, and we do not."""
    return _with_integers(body)


def _with_integers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_integers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_integers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
