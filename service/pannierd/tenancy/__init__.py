"""Tenancy: who calls, in whose name, and how fast."""

from pannierd.tenancy.rate import TokenBucket
from pannierd.tenancy.tenants import Caller, Tenants

__all__ = ["Caller", "Tenants", "TokenBucket"]
