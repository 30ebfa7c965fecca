"""Pannier's daemon: the local process that owns an application's cache.

errors      one tree of errors, each with a stable code
config      every knob, where its value came from, and what it means
telemetry   metrics, logs
tenancy     who calls, and how much they may ask for
resilience  deadlines and bounded counts
cache       the engine: memory tier, leases, versions, tracking
operations  what a caller may ask for, whichever lane it came by
web, resp   the two lanes: HTTP, and the Redis protocol
app         the composition root: builds the parts, starts them, stops them in reverse
commands    the daemon's command line
"""

__version__ = "0.1.0"
