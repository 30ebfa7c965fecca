"""Resilience: what keeps one slow or crowded call from harming the others."""

from pannierd.resilience.admission import InFlight
from pannierd.resilience.deadline import Deadline

__all__ = ["Deadline", "InFlight"]
