"""Records with a time stamp each, brought onto a regular grid; where records are missing, the grid has gaps."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]
GAP_PERIODS = 5  # records farther apart than this many periods leave a gap between them
SLACK = 1e-3  # of a period: what seconds since 1970 lose in float64
MOST_POINTS_PER_RECORD = 20  # a grid of more points than this is no resampling: the rate or the stamps are wrong


def on_grid(
    times_s: Times, values: NDArray[np.float64], rate_hz: float, start_s: float, stop_s: float
) -> NDArray[np.float32]:
    """Values (time, channel) at start, start + 1 / rate, ... up to stop; NaN in gaps and beyond the records.

    In between, values are interpolated linearly; a point within half a period of a record is never a gap. Records are
    taken in order of time, the first of those with one stamp; those without a finite stamp are left out.
    Raises ValueError where the stamps do not fit the rate: no record at all, or far fewer than the grid has points.
    """
    times_s, values = ordered(times_s, values)
    points = int(np.floor((stop_s - start_s) * rate_hz + SLACK)) + 1
    if not len(times_s):
        raise ValueError("no record has a time")
    if points > MOST_POINTS_PER_RECORD * len(times_s) + MOST_POINTS_PER_RECORD:
        raise ValueError(f"{len(times_s)} records over {stop_s - start_s:.0f} s do not fit a rate of {rate_hz:g} Hz")
    grid = start_s + np.arange(max(points, 0)) / rate_hz
    out = np.stack([np.interp(grid, times_s, column) for column in values.T], axis=-1)  # (time, channel)
    after = np.clip(np.searchsorted(times_s, grid), 0, len(times_s) - 1)
    before = np.maximum(after - 1, 0)
    nearest_s = np.minimum(np.abs(grid - times_s[after]), np.abs(grid - times_s[before]))
    outside = (grid < times_s[0]) | (grid > times_s[-1])
    apart = times_s[after] - times_s[before] > GAP_PERIODS / rate_hz
    out[(outside | apart) & (nearest_s > (0.5 + SLACK) / rate_hz)] = np.nan
    return out.astype(np.float32)


def ordered(times_s: Times, values: NDArray[np.float64]) -> tuple[Times, NDArray[np.float64]]:
    """The records by rising time: those with a finite stamp, the first of each."""
    times_s, first = np.unique(times_s, return_index=True)
    known = np.isfinite(times_s)
    return times_s[known], values[first[known]]


def one_clock(spans: Mapping[str, tuple[float, float]]) -> tuple[float, list[str]]:
    """The start in seconds that signals have in common, and the names of those whose clock is another.

    spans  name -> (first, last) time stamp; the signal that begins in the middle of all of them is right, and so are
           those that overlap it
    """
    if not spans:
        return 0.0, []
    in_order = sorted(spans, key=lambda name: spans[name])
    first, last = spans[in_order[(len(in_order) - 1) // 2]]
    off = [name for name in spans if spans[name][0] > last or spans[name][1] < first]
    return min(spans[name][0] for name in spans if name not in off), off
