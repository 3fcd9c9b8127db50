"""Cuts a long signal where the label changes: one stretch of one label becomes one recording."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from client.data.recording import Signal


def runs(codes: NDArray[Any]) -> list[tuple[int, int]]:
    """(start, stop) of each stretch of equal values of (time,); none for no values."""
    edges = [0, *(np.flatnonzero(codes[1:] != codes[:-1]) + 1).tolist(), len(codes)]
    return [(start, stop) for start, stop in pairwise(edges) if stop > start]


def between(signal: Signal, start_s: float, stop_s: float) -> Signal:
    """The records of [start, stop) by the signal's own rate."""
    records = slice(max(round(start_s * signal.rate_hz), 0), max(round(stop_s * signal.rate_hz), 0))
    return Signal(signal.values[records].copy(), signal.rate_hz)
