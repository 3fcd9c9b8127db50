"""What a node says of itself before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from protocol.limits import MOST_AXES, MOST_CLASSES, MOST_LENGTH, MOST_SAMPLES_PER_NODE
from protocol.payload import ProtocolError


@dataclass(frozen=True)
class ModalityManifest:
    """One sensor: kind, frames and channels of a window, the recordings' rate, and how many samples hold it.

    layout  what one frame looks like, whole numbers whose product is `channels`; () for a plain vector
    """

    kind: str
    frames: int
    channels: int
    rate_hz: float
    samples: int
    layout: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "layout", tuple(self.layout))  # JSON brings a list


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
    handles: str  # digest of the samples' handles: whether a later start speaks of the same ones

    @classmethod
    def from_info(cls, info: Mapping[str, Any]) -> Manifest:
        """Checked on arrival; raises ProtocolError for anything out of bounds."""
        try:
            modalities = {str(name): ModalityManifest(**dict(value)) for name, value in info["modalities"].items()}
            manifest = cls(**{**info, "modalities": modalities})
            shares = [manifest.labelled, *(m.samples for m in modalities.values())]
            lengths = [m.frames for m in modalities.values()] + [m.channels for m in modalities.values()]
            sane = (
                _whole(manifest.samples, 0, MOST_SAMPLES_PER_NODE)
                and all(_whole(share, 0, manifest.samples) for share in shares)
                and all(_whole(length, 1, MOST_LENGTH) for length in lengths)
                and all(_whole(number, 0, MOST_LENGTH) for number in (manifest.partition, manifest.skipped))
                and all(
                    isinstance(m.rate_hz, int | float) and 0 < m.rate_hz < float("inf") for m in modalities.values()
                )
                and isinstance(manifest.simulated, bool)
                and isinstance(manifest.classes, list)
                and 0 < len(manifest.classes) <= MOST_CLASSES
                and all(
                    isinstance(text, str)
                    for text in (manifest.group, manifest.device, manifest.handles, *manifest.classes)
                )
                and all(isinstance(m.kind, str) for m in modalities.values())
                and all(_fits(m.layout, m.channels) for m in modalities.values())
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ProtocolError(f"a manifest that cannot be read: {type(error).__name__}") from error
        if not sane:
            raise ProtocolError("a manifest with sizes out of bounds, or values of another type")
        return manifest


def _fits(layout: tuple[Any, ...], channels: int) -> bool:
    """Whether a layout is whole numbers that make so many channels."""
    if not layout:
        return True
    return len(layout) <= MOST_AXES and all(_whole(size, 1, channels) for size in layout) and prod(layout) == channels


def _whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
