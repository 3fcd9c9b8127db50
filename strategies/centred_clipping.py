"""Centred clipping: updates are clipped to a radius around where the server stands (Karimireddy et al., ICML 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.rule import Block, Collecting, Memory, Reply
from strategies.stack import flat, stacked, unstacked


def centred_clipping(
    rows: np.ndarray, weights: np.ndarray, centre: np.ndarray, radius: float, iterations: int
) -> np.ndarray:
    """From `centre` (d,) so many steps by the mean of (row − centre), each shortened to `radius`; rows (n, d).

    weights (n,) sum to 1; all alike in the paper.
    """
    for _ in range(iterations):
        apart = rows - centre
        length = np.linalg.norm(apart, axis=1)
        centre = centre + (weights * np.minimum(1.0, radius / np.maximum(length, 1e-300))) @ apart
    return centre


@dataclass(frozen=True)
class CentredClipping(Collecting):
    """faulty  so many nodes may send anything; radius  the longest update of a block; iterations  in a round"""

    faulty: int = 1
    radius: float = 1.0
    iterations: int = 1

    def least(self) -> int:
        """2f + 1."""
        return 2 * self.faulty + 1

    def of_all(self, replies: Sequence[Reply], current: Block, memory: Memory) -> tuple[Block, Memory]:
        """The clipped step from the current block."""
        weights = np.array([reply.weight for reply in replies])
        rows, centre = stacked(replies, current), flat(current, list(current))
        point = centred_clipping(rows, weights / weights.sum(), centre, self.radius, self.iterations)
        return unstacked(point, current), memory
