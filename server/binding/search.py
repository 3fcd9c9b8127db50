"""How neighbours are looked for: exactly, or above a number of products by an index that may miss a few, which is told."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from server.binding.approximate import has_faiss, nearest_approximate
from server.binding.match import nearest

Nearest = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]
"""Of queries (n, d), candidates (m, d) and a number of partners: indices int64 (n, k) and cosines float32 (n, k)."""


def search(above: int, recall: float, seed: int, tell: Callable[[str], None]) -> Nearest:
    """`nearest`, with an index from `above` products of queries and candidates on; 0: never.

    recall  share of neighbours that the index must find, on a sample; where it cannot, everything is looked at
    tell    is told what an index found, and why none was used where it was wanted
    """

    def find(queries: np.ndarray, candidates: np.ndarray, partners: int) -> tuple[np.ndarray, np.ndarray]:
        if not above or len(queries) * len(candidates) < above:
            return nearest(queries, candidates, partners)
        size = f"{len(queries):,} × {len(candidates):,} samples"
        if not has_faiss():
            tell(f"{size} were matched exactly: faiss is not installed (pip install 'fedbind[match]')")
            return nearest(queries, candidates, partners)
        found = nearest_approximate(queries, candidates, partners, recall, seed)
        if found is None:
            tell(f"{size} were matched exactly: an index would have to look too far for a recall of {recall:g}")
            return nearest(queries, candidates, partners)
        tell(
            f"{size} were matched by an index: recall {found.recall:.4f} against exact on {found.sample:,} of them "
            f"({found.probes} of {found.lists:,} lists looked into)"
        )
        return found.index, found.cosine

    return find
