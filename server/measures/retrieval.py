"""Retrieval across modalities: how well a sample's embedding by one modality finds what belongs to it by another.

Two notions of what belongs to a query:

same recording  the very same sample, one right answer; its average precision is the reciprocal of its rank
same class      any sample of the query's class but itself, which is neither right nor wrong

Recall@k is the share of queries with a right answer among the first k, as is usual in retrieval across modalities.
Cosines that agree to `DECIMALS` decimals are tied, and a figure is its expectation over every order of what is tied
(for average precision: McSherry & Najork, ECIR 2008): a gallery that is all alike gives chance, never a perfect score.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from server.measures.samples import evenly_picked

DECIMALS = 6  # float32 rows carry no more
MOST_QUERIES = 2000  # of more, evenly picked ones ask; the gallery stays whole
_CELLS = 2_000_000  # of (query, gallery) at a time

Judge = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Queries' rows (q,) -> which of the gallery is right, and which counts at all: bool (q, gallery) each."""


@dataclass(frozen=True)
class Retrieval:
    """Means over the queries, 0 to 1. `chance_at_1`: recall@1 if all of the gallery were alike; `gallery`: its size."""

    recall_at_1: float
    recall_at_5: float
    mean_average_precision: float
    chance_at_1: float
    queries: int
    gallery: int


def same_recording(queries: np.ndarray, gallery: np.ndarray) -> Retrieval | None:
    """Row i of the gallery (n, d) is the answer to query i (n, d); None for fewer than two, where nothing can be missed."""

    def judge(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return rows[:, None] == np.arange(len(gallery)), np.ones((len(rows), len(gallery)), dtype=bool)

    return _retrieval(queries, gallery, np.arange(len(queries)), judge) if len(gallery) > 1 else None


def same_class(
    queries: np.ndarray, query_label: np.ndarray, query_sample: np.ndarray,
    gallery: np.ndarray, gallery_label: np.ndarray, gallery_sample: np.ndarray,
) -> Retrieval | None:  # fmt: skip
    """As the module says; `*_sample` (n,) numbers the samples, so that a query's own other modality is passed over.

    Only samples with a label (not -1) take part. A query whose class nobody else in the gallery has does not ask. None
    where no query is left, or the gallery is of one class, so that every answer would be right.
    """
    known = gallery_label >= 0
    gallery, gallery_label, gallery_sample = gallery[known], gallery_label[known], gallery_sample[known]
    if len(np.unique(gallery_label)) < 2:
        return None
    classes, how_many = np.unique(gallery_label, return_counts=True)
    others = dict(zip(classes.tolist(), how_many.tolist(), strict=True))
    itself = set(zip(gallery_sample.tolist(), gallery_label.tolist(), strict=True))
    asks = [
        row
        for row, (label, sample) in enumerate(zip(query_label.tolist(), query_sample.tolist(), strict=True))
        if label >= 0 and others.get(label, 0) > ((sample, label) in itself)
    ]

    def judge(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        other = query_sample[rows, None] != gallery_sample
        return other & (query_label[rows, None] == gallery_label), other

    return _retrieval(queries, gallery, np.array(asks, dtype=np.int64), judge) if asks else None


def _retrieval(queries: np.ndarray, gallery: np.ndarray, asks: np.ndarray, judge: Judge) -> Retrieval:
    asks = asks[evenly_picked(len(asks), MOST_QUERIES)]
    by_query = []
    for block in np.array_split(asks, -(-len(asks) * len(gallery) // _CELLS)):
        cosine = (queries[block].astype(np.float64) @ gallery.T.astype(np.float64)).round(DECIMALS)
        right, counted = judge(block)
        chance = right.sum(axis=1) / counted.sum(axis=1)
        by_query.append(np.stack([*expected(np.where(counted, cosine, -np.inf), right), chance]))
    at_1, at_5, precision, chance = np.concatenate(by_query, axis=1).mean(axis=1).tolist()
    return Retrieval(at_1, at_5, precision, chance, len(asks), len(gallery))


def expected(cosine: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Recall@1, recall@5 and average precision of each query, (q,) each, over every order of equal cosines.

    cosine  (q, gallery), -inf for what does not count
    right   bool (q, gallery), one at least in every row
    """
    count, size = cosine.shape
    order = np.argsort(-cosine, axis=1, kind="stable")
    ranked, hits = np.take_along_axis(cosine, order, axis=1), np.take_along_axis(right, order, axis=1)
    begins = np.ones((count, size), dtype=bool)  # where in the ranking a run of equal cosines begins
    begins[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
    start = np.flatnonzero(begins)  # (run,)
    length = np.diff(start, append=count * size)
    found = np.add.reduceat(hits.ravel().astype(np.int64), start)  # right ones in each run
    before = start % size  # ranked better than the run,
    right_before = (np.cumsum(hits, axis=1) - hits).ravel()[start]  # and right among them

    run = np.repeat(np.arange(len(start)), length)  # (q · gallery,)
    place = np.tile(np.arange(size), count)
    tied, inside = length[run], place - before[run]
    right_above = right_before[run] + inside * (found[run] - 1) / np.maximum(tied - 1, 1)
    precision = found[run] / tied * (right_above + 1) / (place + 1)
    average = precision.reshape(count, size).sum(axis=1) / right.sum(axis=1)

    first_run = np.flatnonzero(before == 0)  # of each query
    recall = []
    for k in (1, 5):
        shown = np.clip(k - before, 0, length)  # of each run, among the first k
        missed = np.ones(len(start))
        for drawn in range(k):
            share = (length - found - drawn) / np.maximum(length - drawn, 1)
            missed *= np.where(drawn < shown, np.maximum(share, 0.0), 1.0)
        recall.append(1.0 - np.multiply.reduceat(missed, first_run))
    return recall[0], recall[1], average
