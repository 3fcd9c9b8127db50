"""Recordings from a node's own disk (or simulated) to normalised windows; nothing here leaves the node."""
