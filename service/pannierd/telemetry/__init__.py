"""Telemetry: what the sidecar tells about itself, and never about the values that pass through it."""
