"""The commands of the lane: a table, and for each family of commands one module that carries them out.

A handler takes the session and the command, and returns a reply in wire form; one that may wait returns an awaitable
of it. Whether the caller may, whether the words fit and how an error reads is decided around it (see dispatch).

row, table              what is known about a command; all of them by name
options, lives          how options and lives are read
connection, client      who speaks, and how
server, introspection   INFO, CONFIG, TIME; COMMAND
strings, keys           values; keys and their lives
transactions            MULTI, EXEC, DISCARD
pannier                 PN.*
"""
