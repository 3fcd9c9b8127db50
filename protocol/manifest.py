"""What a node says of itself before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from protocol.limits import MOST_CLASSES, MOST_SAMPLES_PER_NODE
from protocol.payload import ProtocolError


@dataclass(frozen=True)
class ModalityManifest:
    """One sensor: kind, frames and channels of a window, the recordings' rate, and how many samples hold it."""

    kind: str
    frames: int
    channels: int
    rate_hz: float
    samples: int


@dataclass(frozen=True)
class Manifest:
    """One node: no sample, no time, no file name."""

    partition: int
    group: str
    samples: int
    labelled: int
    modalities: dict[str, ModalityManifest]
    classes: list[str]
    simulated: bool
    device: str
    skipped: int  # files or signals left out as corrupt, a count only

    @classmethod
    def from_info(cls, info: Mapping[str, Any]) -> Manifest:
        """Checked on arrival; raises ProtocolError for anything out of bounds."""
        try:
            modalities = {str(name): ModalityManifest(**dict(value)) for name, value in info["modalities"].items()}
            manifest = cls(**{**info, "modalities": modalities})
            sizes = [manifest.samples, manifest.labelled, *(m.samples for m in modalities.values())]
            numbers = [m.frames for m in modalities.values()] + [m.channels for m in modalities.values()]
            sane = (
                all(isinstance(size, int) and 0 <= size <= MOST_SAMPLES_PER_NODE for size in sizes)
                and all(isinstance(number, int) and 1 <= number <= 1_000_000 for number in numbers)
                and 0 < len(manifest.classes) <= MOST_CLASSES
                and all(isinstance(name, str) for name in manifest.classes)
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ProtocolError(f"a manifest that cannot be read: {type(error).__name__}") from error
        if not sane:
            raise ProtocolError("a manifest with sizes out of bounds")
        return manifest
