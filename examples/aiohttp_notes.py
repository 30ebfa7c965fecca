"""An asynchronous service: notes in SQLite behind aiohttp, with reads from the cache and writes that invalidate.

    python examples/aiohttp_notes.py 8000
    curl -X PUT -d 'buy milk' http://127.0.0.1:8000/notes/1
    curl http://127.0.0.1:8000/notes/1

It uses the process's default client, so it needs no set-up: PANNIER_URL or the usual places say where the sidecar is.
Without a sidecar it works all the same.
"""

import sqlite3
import sys
from collections.abc import AsyncIterator

from aiohttp import web

from pannier import aio, cache, cache_invalidate


class Notes:
    """The notes, and how often they were read from the database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.reads = 0
        self._database = database
        database.execute("create table if not exists notes (id integer primary key, text not null)")

    @cache(key="note:{note_id}", ttl=600, negative_ttl=60, namespace="notes")
    async def get(self, note_id: int) -> str | None:
        """The text of a note; None when there is none, which is cached for a minute."""
        self.reads += 1
        row = self._database.execute("select text from notes where id = ?", (note_id,)).fetchone()
        return str(row[0]) if row else None

    @cache_invalidate(key="note:{note_id}", namespace="notes")
    async def put(self, note_id: int, text: str) -> None:
        """Write a note. Once this returns, every worker that shares the sidecar reads the new text."""
        with self._database:
            self._database.execute("insert or replace into notes values (?, ?)", (note_id, text))


NOTES = web.AppKey("notes", Notes)


async def get_note(request: web.Request) -> web.Response:
    text = await request.app[NOTES].get(int(request.match_info["id"]))
    if text is None:
        raise web.HTTPNotFound(text="there is no such note\n")
    return web.Response(text=f"{text}\n")


async def put_note(request: web.Request) -> web.Response:
    await request.app[NOTES].put(int(request.match_info["id"]), await request.text())
    return web.Response(status=204)


async def count_reads(request: web.Request) -> web.Response:
    return web.Response(text=f"{request.app[NOTES].reads}\n")


async def database(app: web.Application) -> AsyncIterator[None]:
    """Open the database with the application, and close it and the client at its end."""
    connection = sqlite3.connect(":memory:")  # so quick that its calls need not leave the event loop
    app[NOTES] = Notes(connection)
    yield
    connection.close()
    await aio.client().close()


def application() -> web.Application:
    app = web.Application()
    app.cleanup_ctx.append(database)
    app.add_routes(
        [
            web.get("/notes/{id:[0-9]+}", get_note),
            web.put("/notes/{id:[0-9]+}", put_note),
            web.get("/reads", count_reads),
        ]
    )
    return app


if __name__ == "__main__":
    web.run_app(application(), host="127.0.0.1", port=int(sys.argv[1]))
