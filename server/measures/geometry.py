"""Alignment and uniformity of unit embeddings (Wang & Isola, ICML 2020), with the paper's α = 2 and t = 2.

There both views of a positive pair are augmentations of one picture; here they are two modalities of one sample.
"""

from __future__ import annotations

import numpy as np

from server.measures.samples import evenly_picked

T = 2.0
MOST_ROWS = 4000  # of more, evenly picked ones: every pair of them is looked at
_CELLS = 2_000_000  # of (row, row) at a time


def alignment(one: np.ndarray, other: np.ndarray) -> float | None:
    """Mean squared distance of two views (n, d) of the same samples: 0 where they agree, 2 where unrelated; None for n = 0."""
    if not len(one):
        return None
    return float(np.square(one.astype(np.float64) - other).sum(axis=1).mean())


def uniformity(rows: np.ndarray) -> float | None:
    """log of the mean of exp(-2 ‖x - y‖²) over all pairs of different rows (n, d); the lower the more spread out.

    0 where all rows are one, -4 where all stand at right angles. None for fewer than two rows.
    """
    if len(rows) < 2:
        return None
    rows = rows[evenly_picked(len(rows), MOST_ROWS)].astype(np.float64)
    square, total = np.square(rows).sum(axis=1), 0.0
    for block in np.array_split(np.arange(len(rows)), -(-(len(rows) ** 2) // _CELLS)):
        apart = square[block, None] + square - 2 * rows[block] @ rows.T
        near = np.exp(-T * np.maximum(apart, 0.0))
        near[np.arange(len(block)), block] = 0.0  # a row is no pair with itself
        total += float(near.sum())
    return float(np.log(total / (len(rows) * (len(rows) - 1))))
