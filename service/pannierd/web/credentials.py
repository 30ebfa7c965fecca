"""Credentials: the token in an Authorization header."""

from __future__ import annotations

import base64
import binascii

from pannierd.errors import Unauthenticated

__all__ = ["token_in"]


def token_in(authorization: str | None) -> bytes:
    """The token of `Bearer TOKEN`, or of `Basic`, whose password it is and whose user name is ignored.

    Raises:
        Unauthenticated: there is none.
    """
    if authorization is None:
        raise Unauthenticated("a token is needed: send Authorization: Bearer TOKEN")
    scheme, _, credentials = authorization.partition(" ")
    given = credentials.strip().encode("utf-8", "surrogateescape")
    if scheme.lower() == "bearer" and given:
        return given
    if scheme.lower() == "basic":
        return _password(given)
    raise Unauthenticated("the Authorization header must be Bearer TOKEN, or Basic with the token as password")


def _password(credentials: bytes) -> bytes:
    try:
        _, colon, password = base64.b64decode(credentials, validate=True).partition(b":")
    except binascii.Error:
        colon = password = b""
    if not colon or not password:
        raise Unauthenticated("Basic credentials must be name:TOKEN in base64; the name is ignored")
    return password
