"""Nearest neighbours by cosine (MMBind eq. 2), in blocks, and their plain twin."""

from __future__ import annotations

import numpy as np

_BLOCK_ROWS = 2_048  # 2,048 × 100,000 float32 similarities: 0.8 GB at the most, less for fewer candidates


def nearest(
    queries: np.ndarray, candidates: np.ndarray, block_rows: int = _BLOCK_ROWS
) -> tuple[np.ndarray, np.ndarray]:
    """For each query the most similar candidate: indices int64 (n,) and cosines float32 (n,).

    queries     (n, d) unit rows
    candidates  (m, d) unit rows, m ≥ 1
    Ties go to the first candidate. Raises ValueError where there is no candidate or the widths differ.
    """
    if not len(candidates) or queries.ndim != 2 or queries.shape[1:] != candidates.shape[1:]:
        raise ValueError(f"cannot match {queries.shape} against {candidates.shape}")
    index, cosine = np.empty(len(queries), dtype=np.int64), np.empty(len(queries), dtype=np.float32)
    for start in range(0, len(queries), block_rows):
        rows = slice(start, start + block_rows)
        similarity = queries[rows] @ candidates.T  # (block, m)
        index[rows] = similarity.argmax(axis=1)
        cosine[rows] = similarity.max(axis=1)
    return index, cosine


def nearest_plainly(queries: np.ndarray, candidates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same, one pair at a time: the twin that `nearest` is tested against."""
    index, cosine = np.empty(len(queries), dtype=np.int64), np.empty(len(queries), dtype=np.float32)
    for row, query in enumerate(queries):
        best = max(range(len(candidates)), key=lambda k: (float(np.dot(query, candidates[k])), -k))
        index[row], cosine[row] = best, np.dot(query, candidates[best])
    return index, cosine
