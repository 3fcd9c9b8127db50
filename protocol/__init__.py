"""The vocabulary between nodes and server: message kinds, payloads, limits, and all that may leave a node."""
