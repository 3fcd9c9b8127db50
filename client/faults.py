"""What the server may know of a failure on a node."""

from __future__ import annotations

from configs.errors import UserError
from protocol.payload import ProtocolError


def told(error: Exception) -> str:
    """An error's kind, and its text only where that is the protocol's own: never a file, a folder or a value."""
    if isinstance(error, ProtocolError):
        return str(error)
    if isinstance(error, UserError):
        return "its recordings or its configuration cannot be used; the node's own log says why"
    return f"{type(error).__name__}; the node's own log says more"
