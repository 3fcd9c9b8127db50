"""Replies of one block as rows of a matrix, for rules that look at distances between whole replies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from strategies.rule import Block, Reply


def flat(block: Block, names: Sequence[str]) -> np.ndarray:
    """All numbers of a block as one row, float64 (d,)."""
    return np.concatenate([np.asarray(block[name], dtype=np.float64).reshape(-1) for name in names])


def stacked(replies: Sequence[Reply], current: Block) -> np.ndarray:
    """float64 (n, d), the tensors in the order of `current`."""
    names = list(current)
    return np.stack([flat(reply.block, names) for reply in replies])


def unstacked(row: np.ndarray, current: Block) -> Block:
    """The reverse of `flat`, in the names, shapes and types of `current`."""
    made, at = {}, 0
    for name, value in current.items():
        made[name] = row[at : at + value.size].reshape(value.shape).astype(value.dtype)
        at += value.size
    return made


def squared_distances(rows: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances between rows, (n, n), of the differences, so that near ones are not lost to rounding."""
    found = np.zeros((len(rows), len(rows)))
    for i, row in enumerate(rows):
        for j in range(i):
            apart = row - rows[j]
            found[i, j] = found[j, i] = apart @ apart
    return found
