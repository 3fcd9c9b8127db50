"""Nearest neighbours by cosine (MMBind eq. 2): few at once, many screened (`screened`), and their plain twin."""

from __future__ import annotations

import numpy as np

from server.binding.screened import nearest_screened

BLOCK_BYTES = 256 * 2**20  # of similarities at once; `screened` promises as much
SCREENED_FROM = 2**26  # products: 8,192 samples on either side


def nearest(
    queries: np.ndarray, candidates: np.ndarray, partners: int = 1, block_rows: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """For each query its most similar candidates, best first: indices int64 (n, k) and cosines float32 (n, k).

    queries     (n, d) unit rows
    candidates  (m, d) unit rows, m ≥ 1
    block_rows  so many queries at once; None: as `BLOCK_BYTES` allows, and screened where there are very many products
    k is `partners`, or m where there are fewer candidates. Ties go to the earlier candidate. Raises ValueError where
    there is no candidate or the widths differ.
    """
    if not len(candidates) or queries.ndim != 2 or queries.shape[1:] != candidates.shape[1:] or partners < 1:
        raise ValueError(f"cannot match {queries.shape} against {candidates.shape}, {partners} partners each")
    if block_rows is None:
        if len(queries) * len(candidates) >= SCREENED_FROM:
            return nearest_screened(queries, candidates, partners, memory_bytes=BLOCK_BYTES)
        block_rows = rows_at_once(len(candidates))
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


def rows_at_once(candidates: int) -> int:
    """How many queries' float32 similarities to so many candidates fit into `BLOCK_BYTES`."""
    return max(1, BLOCK_BYTES // (4 * max(candidates, 1)))


def nearest_plainly(queries: np.ndarray, candidates: np.ndarray, partners: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The same, one pair at a time: the twin that `nearest` is tested against."""
    k = min(partners, len(candidates))
    index, cosine = np.empty((len(queries), k), dtype=np.int64), np.empty((len(queries), k), dtype=np.float32)
    for row, query in enumerate(queries):
        values = [float(np.dot(query, candidate)) for candidate in candidates]
        best = sorted(range(len(values)), key=lambda at: (-values[at], at))[:k]
        index[row], cosine[row] = best, [values[at] for at in best]
    return index, cosine
