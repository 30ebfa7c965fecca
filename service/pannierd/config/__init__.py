"""The configuration: every knob, its sources, and where each value came from."""

from pannierd.config.knobs import Cache, Config, Limits, Logging, Memory, Namespace, Server, Tenant
from pannierd.config.mistakes import ConfigError

__all__ = ["Cache", "Config", "ConfigError", "Limits", "Logging", "Memory", "Namespace", "Server", "Tenant"]
