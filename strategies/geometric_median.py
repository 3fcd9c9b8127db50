"""RFA: the point of the least weighted sum of distances to the replies (Pillutla et al., IEEE TSP 2022, algorithm 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.rule import Block, Collecting, Memory, Reply
from strategies.stack import stacked, unstacked


def geometric_median(
    rows: np.ndarray, weights: np.ndarray, smoothing: float, iterations: int, start: np.ndarray
) -> np.ndarray:
    """Smoothed Weiszfeld steps from `start`: a mean by weights over distances, none of them taken below `smoothing`.

    rows (n, d), weights (n,), start (d,); returns (d,).
    """
    point = start
    for _ in range(iterations):
        distances = np.linalg.norm(rows - point, axis=1)
        share = weights / np.maximum(distances, smoothing)
        point = share @ rows / share.sum()
    return point


@dataclass(frozen=True)
class GeometricMedian(Collecting):
    """faulty  so many nodes may send anything; smoothing  the least distance; iterations  of Weiszfeld, from the mean"""

    faulty: int = 1
    smoothing: float = 1e-6
    iterations: int = 8

    def least(self) -> int:
        """2f + 1: its breakdown point is a half."""
        return 2 * self.faulty + 1

    def of_all(self, replies: Sequence[Reply], current: Block, memory: Memory) -> tuple[Block, Memory]:
        """The median of the whole block."""
        rows, weights = stacked(replies, current), np.array([reply.weight for reply in replies])
        weights = weights / weights.sum()
        point = geometric_median(rows, weights, self.smoothing, self.iterations, weights @ rows)
        return unstacked(point, current), memory
