"""The parts list: who is made of what. It reads from the bottom of the house to the top."""

from __future__ import annotations

import os
import platform
import secrets
import time
from typing import TYPE_CHECKING

from pannierd import __version__
from pannierd.app.application import App
from pannierd.app.heap_trim import HeapTrim, trim_heap
from pannierd.app.life import Life
from pannierd.cache.collector import CacheCollector
from pannierd.cache.engine import Engine
from pannierd.cache.world import World
from pannierd.config.address import Address
from pannierd.config.folders import lane_socket
from pannierd.config.report import as_json, lines
from pannierd.operations.cache import CacheOperations
from pannierd.resp import Lane
from pannierd.telemetry.loop_watch import LoopWatch
from pannierd.telemetry.metrics import Metrics
from pannierd.tenancy import Tenants
from pannierd.tenancy.shares import memory_shares
from pannierd.web.diagnostics import Diagnostics
from pannierd.web.request_ids import RequestIds
from pannierd.web.server import Web

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from structlog.typing import FilteringBoundLogger

    from pannierd.app.application import Listener
    from pannierd.config.loading import Loaded

__all__ = ["build"]


def build(
    loaded: Loaded, variables: Mapping[str, str], log: FilteringBoundLogger, *, lasts_as_its_command: bool = False
) -> App:
    """The daemon for this configuration, with nothing started.

    Args:
        loaded: the configuration and its origins.
        variables: the environment, which decides what "auto" means.
        log: where everything is logged.
        lasts_as_its_command: the daemon ends when the command has that it was started for, and not before.

    Raises:
        ConfigError: a token file cannot serve.
    """
    config, clock = loaded.config, time.monotonic
    instance = f"{platform.node()}-{os.getpid()}"
    metrics = Metrics(__version__)
    tenants = Tenants(config.tenants, clock, log, metrics.degraded)
    shares = memory_shares(config.tenants, config.cache.memory.max_bytes)
    engine = Engine(config, shares, World(), instance, log, metrics.degraded)
    metrics.registry.register(CacheCollector(engine))
    operations = CacheOperations(engine, config.limits, metrics)
    watch = LoopWatch(metrics, clock)
    life = Life(
        engine,
        tenants,
        metrics,
        watch,
        clock,
        lambda: as_json(lines(loaded, variables)),
        lasts_as_its_command=lasts_as_its_command,
    )
    request_ids = RequestIds(instance, secrets.token_hex(4))

    lane = Lane(operations, tenants, metrics, config.limits, clock, log)
    server = config.server
    listeners: dict[str, Listener] = {}
    crowds: list[Callable[[], int]] = [lambda: len(lane.sessions)]
    if server.diagnostics_address:
        diagnostics = Diagnostics(request_ids, life, metrics, config=config, clock=clock)
        listeners["diagnostics_address"] = diagnostics.listener
    if socket := lane_socket(server, variables):
        listeners["lane_socket"] = lane.unix(socket, int(server.lane_socket_mode, 8), server.lane_socket_group)
    if server.lane_address:
        listeners["lane_address"] = lane.tcp(Address.parse(server.lane_address))
    if server.web_address:
        web = Web(operations, tenants, request_ids, life, metrics, config=config, clock=clock, log=log)
        listeners["web_address"] = web.listener
        crowds.append(lambda: web.listener.connections)
    heap_trim = HeapTrim(lambda: sum(count() for count in crowds), trim_heap)
    return App(life, listeners, engine, watch, heap_trim, server, log)
