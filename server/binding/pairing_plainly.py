"""The pairing schemes one pair at a time: the twins that `server.binding.pairing` is tested against.

Each returns (row, column) pairs in the order of `Found`.
"""

from __future__ import annotations

import numpy as np

Plain = list[tuple[int, int]]


def _cosines(one: np.ndarray, others: np.ndarray) -> list[float]:
    return [float(np.dot(one, other)) for other in others]


def _best_first(values: list[float], among: list[int]) -> list[int]:
    return sorted(among, key=lambda at: (-values[at], at))


def nearest_plainly(own: np.ndarray, theirs: np.ndarray, partners: int) -> Plain:
    """Sort everyone by cosine, take the first few."""
    pairs = []
    for row, one in enumerate(own):
        pairs += [(row, at) for at in _best_first(_cosines(one, theirs), list(range(len(theirs))))[:partners]]
    return pairs


def threshold_plainly(own: np.ndarray, theirs: np.ndarray, threshold: float) -> Plain:
    """Look at every pair."""
    pairs = []
    for row, one in enumerate(own):
        values = _cosines(one, theirs)
        pairs += [(row, at) for at in _best_first(values, [a for a, v in enumerate(values) if v >= threshold])]
    return pairs


def mutual_plainly(own: np.ndarray, theirs: np.ndarray) -> Plain:
    """Ask each one's nearest who is nearest to it."""
    forth = dict(nearest_plainly(own, theirs, 1))
    back = dict(nearest_plainly(theirs, own, 1))
    return [(row, column) for row, column in forth.items() if back[column] == row]


def oracle_plainly(
    own: np.ndarray, theirs: np.ndarray, label: np.ndarray, their_label: np.ndarray, partners: int
) -> Plain:
    """Sort those of the same label by cosine, take the first few."""
    pairs = []
    for row, one in enumerate(own):
        same = [at for at, value in enumerate(their_label) if value == label[row] and value >= 0]
        pairs += [(row, at) for at in _best_first(_cosines(one, theirs), same)[:partners]]
    return pairs
