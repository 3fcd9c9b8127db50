"""Mean and spread per channel, from sums that add up over nodes, and the four ways of using them.

`federated`: nodes send their Moments, the sum is the pooled data's own, and every node uses the same mean and spread.
`per_node`, `per_subject`: each node or subject uses its own. `none`: values stay in their units.
Everything is float64 until the last step. Only windows in which the modality is present count; NaN is passed over.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from client.data.samples import SampleSet
from configs.errors import UserError, unknown_name

NORMALISATIONS = ("federated", "per_node", "per_subject", "none")
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


def moments_of(samples: SampleSet) -> dict[str, Moments]:
    """The sums of each modality over the windows in which it is present."""
    present = samples.present
    return {modality: moments_of_rows(array[present[modality]]) for modality, array in samples.arrays.items()}


def add_up(parts: Iterable[Mapping[str, Moments]]) -> dict[str, Moments]:
    """The sums over all parts; a modality that some parts do not hold is summed over those that do."""
    by_modality: dict[str, list[Moments]] = {}
    for part in parts:
        for modality, moments in part.items():
            by_modality.setdefault(modality, []).append(moments)
    return {modality: reduce(add, each) for modality, each in by_modality.items()}


def apply(samples: SampleSet, moments: Mapping[str, Moments]) -> SampleSet:
    """Each channel less its mean, over its spread. NaN and rows that are not present become 0, the mean itself."""
    arrays = {}
    for modality, array in samples.arrays.items():
        if modality not in moments:
            raise UserError(f"no agreed statistics for {modality}", where="normalise")
        scaled = (array - moments[modality].mean) / moments[modality].spread  # float64, (n, frames, channel)
        known = np.isfinite(scaled) & samples.present[modality][:, None, None]
        arrays[modality] = np.where(known, scaled, 0.0).astype(np.float32)
    return replace(samples, arrays=arrays)


def normalise(samples: SampleSet, how: str, agreed: Mapping[str, Moments] | None = None) -> SampleSet:
    """The samples normalised by one of NORMALISATIONS; `federated` needs the `agreed` sums over all nodes."""
    if how == "federated":
        if agreed is None:
            raise UserError("federated normalisation needs statistics agreed over the nodes", where="normalise")
        return apply(samples, agreed)
    if how == "per_node":
        return apply(samples, moments_of(samples))
    if how == "per_subject":
        return _per_subject(samples)
    if how == "none":
        return samples
    raise unknown_name("normalisation", how, NORMALISATIONS)


def _per_subject(samples: SampleSet) -> SampleSet:
    arrays = {modality: array.copy() for modality, array in samples.arrays.items()}
    for subject in np.unique(samples.subject):
        rows = samples.subject == subject
        own = samples.take(rows)
        for modality, array in apply(own, moments_of(own)).arrays.items():
            arrays[modality][rows] = array
    return replace(samples, arrays=arrays)
