"""CLIENT: what a connection tells about itself, and tracking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pannierd.resp.commands.connection import client_name
from pannierd.resp.commands.row import Row, container
from pannierd.resp.refusals import Refusal, syntax_error
from pannierd.resp.replies import OK, RESP2, bulk, integer
from pannierd.resp.session import Tracking

if TYPE_CHECKING:
    from pannierd.resp.protocol import Command
    from pannierd.resp.session import Session

MAX_PREFIXES: Final = 64


def id_(session: Session, _: Command) -> bytes:
    """The connection's number."""
    return integer(session.number)


def info(session: Session, _: Command) -> bytes:
    """One line on this connection."""
    return session.dialect.text(_line(session) + "\n")


def list_(session: Session, _: Command) -> bytes:
    """One line on each connection of the caller's tenant."""
    tenant = session.bound.caller.tenant
    lines = [
        _line(other) + "\n"
        for other in session.lane.sessions.values()
        if other.caller is not None and other.caller.tenant == tenant
    ]
    return session.dialect.text("".join(lines))


def setname(session: Session, command: Command) -> bytes:
    """For CLIENT LIST; an empty name removes it."""
    session.name = client_name(command[2])
    return OK


def getname(session: Session, _: Command) -> bytes:
    """What SETNAME set."""
    return bulk(session.name.encode()) if session.name else session.dialect.null


def setinfo(session: Session, command: Command) -> bytes:
    """LIB-NAME or LIB-VER, for CLIENT LIST."""
    attribute = command[2].decode("utf-8", "replace").lower()
    if attribute not in session.library:
        raise Refusal(f"ERR Unrecognized option '{command[2][:128].decode('utf-8', 'replace')}'")
    try:
        session.library[attribute] = client_name(command[3])
    except Refusal as error:
        raise Refusal(f"ERR {attribute} cannot contain spaces, newlines or special characters.") from error
    return OK


def tracking(session: Session, command: Command) -> bytes:
    """ON|OFF [BCAST] [PREFIX prefix]... [NOLOOP]."""
    switch = command[2].upper()
    if switch not in {b"ON", b"OFF"}:
        raise syntax_error()
    wanted = _tracking(command[3:])
    if switch == b"OFF":
        session.track(None)
        return OK
    if session.dialect is RESP2:
        raise Refusal("ERR Client tracking pushes invalidations, which takes RESP3: say HELLO 3 first")
    session.bound  # noqa: B018 - refuses who has not authenticated
    if session.tracking is not None and (session.tracking.prefixes is None) is not (wanted.prefixes is None):
        raise Refusal(
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it "
            "with a different mode."
        )
    session.track(wanted)
    return OK


def _tracking(words: list[bytes]) -> Tracking:
    """Read the options. PREFIX may come several times, so they are read here."""
    options: set[bytes] = set()
    prefixes: list[bytes] = []
    remaining = iter(words)
    for word in remaining:
        option = word.upper()
        if option == b"PREFIX":
            prefix = next(remaining, None)
            if prefix is None or len(prefixes) == MAX_PREFIXES:
                raise syntax_error()
            prefixes.append(prefix)
        elif option in {b"BCAST", b"NOLOOP"}:
            options.add(option)
        else:
            raise syntax_error()
    if prefixes and b"BCAST" not in options:
        raise Refusal("ERR PREFIX option requires BCAST mode to be enabled")
    return Tracking(tuple(prefixes) if b"BCAST" in options else None, b"NOLOOP" in options)


def _line(session: Session) -> str:
    """In Redis' form: name=value, separated by spaces."""
    now = session.lane.clock()
    fields = {
        "id": session.number,
        "addr": session.peer.address,
        "laddr": session.peer.local_address,
        "fd": 0,
        "name": session.name,
        "age": round(now - session.opened_at),
        "idle": round(now - session.last_heard),
        "flags": _flags(session),
        "db": 0,
        "multi": -1 if session.transaction is None else len(session.transaction.commands),
        "cmd": "NULL" if session.last_command is None else session.last_command.name.lower(),
        "user": "(none)" if session.caller is None else session.caller.label.replace(" ", "_"),
        "redir": -1 if session.tracking is None else 0,
        "resp": session.dialect.version,
        **session.library,
        "namespace": session.namespace,
    }
    return " ".join(f"{name}={value}" for name, value in fields.items())


def _flags(session: Session) -> str:
    flags = "x" * (session.transaction is not None)
    if session.tracking is not None:
        flags += "t" if session.tracking.prefixes is None else "tB"
    return flags or "N"


ROWS: Final = (
    container(
        "CLIENT",
        "Commands on connections.",
        Row("CLIENT|ID", id_, 2, "The connection's number."),
        Row("CLIENT|INFO", info, 2, "About this connection."),
        Row("CLIENT|LIST", list_, -2, "About the tenant's connections."),
        Row("CLIENT|SETNAME", setname, 3, "Names the connection."),
        Row("CLIENT|GETNAME", getname, 2, "The connection's name."),
        Row("CLIENT|SETINFO", setinfo, 4, "Names the client's library."),
        Row("CLIENT|TRACKING", tracking, -3, "Pushes invalidations to this connection."),
    ),
)
