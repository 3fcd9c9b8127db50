"""What the server's networks must know of a sensor, as its node told it."""

from __future__ import annotations

from models.blocks import ModalityShape
from protocol.manifest import ModalityManifest


def shape_of(told: ModalityManifest) -> ModalityShape:
    """The network's side of a manifest: kind, frames, channels and layout."""
    return ModalityShape(told.kind, told.frames, told.channels, told.layout)
