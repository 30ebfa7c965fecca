"""The web lane: the cache over HTTP, for every language that has an HTTP client, and the operators' listener.

server, diagnostics      the two listeners: for callers, and for operators
listener, connection     one address and its connections: bounded, timed, closed in order
middleware               what happens to every request, in its order
guards, credentials      who may ask from where, and in whose name
target, router           the raw path becomes a route and the bytes of a key
bodies, parameters       what came with the request, within limits, as structs
requests, answers        those structs, and those that are answered; the OpenAPI document is made of them
routes                   one handler a route: parse, call the operation, answer
wire, problems           an outcome, or an error, becomes the bytes of a response
openapi                  the document at /openapi.json
"""

from pannierd.web.diagnostics import Diagnostics
from pannierd.web.lifecycle import Lifecycle
from pannierd.web.server import Web

__all__ = ["Diagnostics", "Lifecycle", "Web"]
