"""The composition root: builds the parts, starts them, stops them in reverse. Only this package knows everybody.

build        the parts list: who is made of what
application  the parts in motion: start, drain, close
life         the phase that the daemon is in, and what it tells about itself
heap_trim    memory goes back to the system when a crowd has gone
"""

from pannierd.app.application import App, CannotStart
from pannierd.app.build import build

__all__ = ["App", "CannotStart", "build"]
