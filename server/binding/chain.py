"""Pairs through a group between two others: i goes with k where i goes with j and j with k."""

from __future__ import annotations

import numpy as np

from server.binding.pairing import Found, Side


def same_samples(one: Side, other: Side) -> np.ndarray:
    """For each row of one side the row of the same sample on the other side, int64 (n,); −1 where it is not there."""
    at = {handle: row for row, handle in enumerate(other.handle.tolist())}
    return np.array([at.get(handle, -1) for handle in one.handle.tolist()], dtype=np.int64)


def chained(first: Found, middle: np.ndarray, second: Found) -> Found:
    """Pairs i–k for which there are pairs i–j and j–k; cosines multiply, none below 0; the best of several ways counts.

    middle  (m,) for each column of `first` the row of the same sample in `second`, −1 where it has none
    """
    row = middle[first.column]
    count = np.bincount(second.row, minlength=int(max(row.max(initial=-1), second.row.max(initial=-1))) + 1)
    start = np.concatenate([[0], np.cumsum(count)])
    many = np.where(row >= 0, count[row], 0)  # pairs of `second` that each pair of `first` goes on with
    way = np.arange(len(row)).repeat(many)
    onward = start[row[way]] + np.arange(len(way)) - (np.cumsum(many) - many)[way]
    cosine = (np.clip(first.cosine[way], 0, None) * np.clip(second.cosine[onward], 0, None)).astype(np.float32)
    own, theirs = first.row[way], second.column[onward]
    order = np.lexsort((-cosine, theirs, own))
    own, theirs, cosine = own[order], theirs[order], cosine[order]
    best = np.ones(len(own), dtype=bool)
    best[1:] = (own[1:] != own[:-1]) | (theirs[1:] != theirs[:-1])
    own, theirs, cosine = own[best], theirs[best], cosine[best]
    order = np.lexsort((theirs, -cosine, own))
    return Found(own[order], theirs[order], cosine[order])


def chained_plainly(first: Found, middle: np.ndarray, second: Found) -> list[tuple[int, int, float]]:
    """The same, one chain at a time: the twin that `chained` is tested against."""
    best: dict[tuple[int, int], float] = {}
    for own, between, one in zip(first.row.tolist(), first.column.tolist(), first.cosine, strict=True):
        for row, theirs, other in zip(second.row.tolist(), second.column.tolist(), second.cosine, strict=True):
            if middle[between] == row:
                cosine = float(max(one, np.float32(0)) * max(other, np.float32(0)))
                best[own, theirs] = max(cosine, best.get((own, theirs), 0.0))
    return sorted(((i, k, c) for (i, k), c in best.items()), key=lambda each: (each[0], -each[2], each[1]))


def of_the_best(found: Found, most: int | None, least: float) -> Found:
    """A sample's best `most` partners (all where it is None), of those whose cosine is `least` or more."""
    keep = found.cosine >= np.float32(least)
    if most is not None:
        _, start, count = np.unique(found.row, return_index=True, return_counts=True)
        keep &= np.arange(len(found)) - start.repeat(count) < most  # partners stand best first
    return Found(found.row[keep], found.column[keep], found.cosine[keep])
