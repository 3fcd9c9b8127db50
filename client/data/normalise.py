"""Mean and spread per channel, from sums that add up over samples, subjects and nodes, all in float64."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STILL = 1e-6  # a channel whose spread is below this share of its mean (or of 1) does not move: rounding, not signal

Sums = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Sums per channel, each (channel,) float64. They add up: over samples, subjects and nodes."""

    count: Sums
    total: Sums
    total_of_squares: Sums

    @staticmethod
    def none(channels: int) -> "Moments":
        """The sums over nothing."""
        return Moments(np.zeros(channels), np.zeros(channels), np.zeros(channels))

    def __add__(self, other: "Moments") -> "Moments":
        if self.count.shape != other.count.shape:
            raise ValueError(f"moments of {len(self.count)} and of {len(other.count)} channels do not add up")
        return Moments(
            self.count + other.count, self.total + other.total, self.total_of_squares + other.total_of_squares
        )

    def pooled(self, each: int | None) -> "Moments":
        """The sums of every `each`-th channel added up and given to all of them; unchanged for None."""
        if each is None:
            return self
        again = len(self.count) // each
        parts = (self.count, self.total, self.total_of_squares)
        return Moments(*(np.tile(part.reshape(again, each).sum(axis=0), again) for part in parts))

    @property
    def mean(self) -> Sums:
        """Mean per channel; 0 where nothing was counted."""
        return self.total / np.maximum(self.count, 1.0)

    @property
    def spread(self) -> Sums:
        """Standard deviation per channel (over n, not n - 1); 1 where the channel does not move or was not counted."""
        mean = self.mean
        spread = np.sqrt(np.maximum(self.total_of_squares / np.maximum(self.count, 1.0) - mean**2, 0.0))
        return np.where(spread <= STILL * np.maximum(np.abs(mean), 1.0), 1.0, spread)


POOLED_KINDS = ("image", "depth", "infrared", "points")  # of which no place in a frame has a mean of its own


def shared_by(kind: str, layout: tuple[int, ...]) -> int | None:
    """After how many channels the same quantity comes again (bands of a pixel, numbers of a point); None where never.

    A picture's things move and a cloud's points have no order, so a pixel's or a point's own mean and spread mean
    nothing; those of all pixels' or points' do.
    """
    return layout[-1] if kind in POOLED_KINDS and layout else None


def moments_of_rows(values: NDArray[np.float32]) -> Moments:
    """The sums over all but the last axis of (..., channel); NaN and infinities are not counted."""
    flat = values.reshape(-1, values.shape[-1]).astype(np.float64)  # (record, channel)
    known = np.isfinite(flat)
    flat = np.where(known, flat, 0.0)
    return Moments(known.sum(axis=0).astype(np.float64), flat.sum(axis=0), (flat**2).sum(axis=0))
