"""The handlers of the web lane: each parses, calls the operation, and answers."""
