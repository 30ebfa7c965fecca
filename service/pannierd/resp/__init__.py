"""The RESP lane: any Redis client is a client of the cache.

protocol            bytes to commands, within limits
replies, refusals   values and errors to bytes
session             what one connection's commands have in common, without I/O
commands            the table, and what each command does
dispatch            what happens around a command: permission, queue, rate, errors
connection          bytes in and out
bare                reads of what is there: the hot path
fetched             what a fetch answers
unread              whether a client reads its answers
tally               what the hot path costs to measure
lane, listeners     what connections share; where they come from
socket_file         a Unix socket's place in the file system
"""

from pannierd.resp.lane import Lane
from pannierd.resp.socket_file import PlaceRefused

__all__ = ["Lane", "PlaceRefused"]
