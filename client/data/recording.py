"""What a loader gives back: signals of one trial or one labelled stretch, as recorded, before any resampling."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Signal:
    """One sensor's values in their own rate and unit; NaN marks a gap."""

    values: NDArray[np.float32]  # (time, channel)
    rate_hz: float

    @property
    def duration_s(self) -> float:
        return len(self.values) / self.rate_hz


@dataclass(frozen=True)
class Recording:
    """One trial, or one stretch of time with one label.

    A modality that is missing is absent from `signals`. `label` is an index into the data set's classes.
    `name` serves error messages on the node itself and never leaves it.
    """

    subject: str
    label: int
    signals: dict[str, Signal]
    name: str = ""


@dataclass(frozen=True)
class Skipped:
    """A file or signal that was left out, and why."""

    where: str
    reason: str


@dataclass(frozen=True)
class Loaded:
    recordings: list[Recording]
    skipped: list[Skipped] = field(default_factory=list)
