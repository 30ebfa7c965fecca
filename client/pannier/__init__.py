"""The client of the Pannier sidecar."""
