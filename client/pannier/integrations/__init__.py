"""Web frameworks: the client lives as long as the application. Each module imports its framework; nothing else does."""
