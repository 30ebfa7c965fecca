"""Resilience: what keeps one slow or crowded call from harming the others."""

from pannierd.resilience.deadline import Deadline
from pannierd.resilience.places import Places

__all__ = ["Deadline", "Places"]
