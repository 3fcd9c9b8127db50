"""Nearest neighbours by cosine (MMBind eq. 2), in blocks, and their plain twin."""

from __future__ import annotations

import numpy as np

BLOCK_ROWS = 2_048  # 2,048 × 100,000 float32 similarities: 0.8 GB at the most, less for fewer candidates


def nearest(
    queries: np.ndarray, candidates: np.ndarray, partners: int = 1, block_rows: int = BLOCK_ROWS
) -> tuple[np.ndarray, np.ndarray]:
    """For each query its most similar candidates, best first: indices int64 (n, k) and cosines float32 (n, k).

    queries     (n, d) unit rows
    candidates  (m, d) unit rows, m ≥ 1
    k is `partners`, or m where there are fewer candidates. Ties go to the earlier candidate. Raises ValueError where
    there is no candidate or the widths differ.
    """
    if not len(candidates) or queries.ndim != 2 or queries.shape[1:] != candidates.shape[1:] or partners < 1:
        raise ValueError(f"cannot match {queries.shape} against {candidates.shape}, {partners} partners each")
    k = min(partners, len(candidates))
    index, cosine = np.empty((len(queries), k), dtype=np.int64), np.empty((len(queries), k), dtype=np.float32)
    for start in range(0, len(queries), block_rows):
        rows = slice(start, start + block_rows)
        similarity = queries[rows] @ candidates.T  # (block, m)
        if k == 1:
            best = similarity.argmax(axis=1)[:, None]
        else:
            best = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
        index[rows] = best
        cosine[rows] = np.take_along_axis(similarity, best, axis=1)
    return index, cosine


def nearest_plainly(queries: np.ndarray, candidates: np.ndarray, partners: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The same, one pair at a time: the twin that `nearest` is tested against."""
    k = min(partners, len(candidates))
    index, cosine = np.empty((len(queries), k), dtype=np.int64), np.empty((len(queries), k), dtype=np.float32)
    for row, query in enumerate(queries):
        values = [float(np.dot(query, candidate)) for candidate in candidates]
        best = sorted(range(len(values)), key=lambda at: (-values[at], at))[:k]
        index[row], cosine[row] = best, [values[at] for at in best]
    return index, cosine
