"""Who is bound to whom, from the samples of one group to those of another: one pure function for each `bind.pairing`.

nearest    the `partners` most similar (MMBind eq. 2 takes one)
topk_sum   the same partners as one: their weighted mean (`server.binding.weights.shared_out` says why a list is enough)
threshold  everyone whose cosine is at least `threshold`
mutual     the nearest, where each is the other's nearest
random     `partners` drawn without a look at the embeddings: the control (MMBind's public code has one too)
oracle     the `partners` most similar of the same label: a ceiling for studies, since binding knows no label
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from configs.nodes import derived_seed
from server.binding.match import rows_at_once
from server.binding.search import Nearest, nearest

PAIRINGS = ("nearest", "threshold", "topk_sum", "mutual", "random", "oracle")
PARTNERS_COUNT = ("nearest", "topk_sum", "random", "oracle")  # where `bind.partners` says how many


@dataclass(frozen=True)
class Side:
    """All samples of one group: node and handle int64 (n,), unit rows float32 (n, d), labels int64 (n,), −1 unknown."""

    group: str
    node: np.ndarray
    handle: np.ndarray
    vectors: np.ndarray
    label: np.ndarray


@dataclass(frozen=True)
class Found:
    """Pairs of one direction, (p,) each: row of the sample, row of its partner, cosine.

    Rows rise; a sample's partners stand next to each other, the best first.
    """

    row: np.ndarray
    column: np.ndarray
    cosine: np.ndarray

    def __len__(self) -> int:
        return len(self.row)


Scheme = Callable[[Side, Side], Found]


def nearest_pairs(own: np.ndarray, theirs: np.ndarray, partners: int = 1, find: Nearest = nearest) -> Found:
    """Each row's `partners` most similar; ties go to the earlier candidate."""
    index, cosine = find(own, theirs, partners)  # (n, k) each
    return Found(np.arange(len(own)).repeat(index.shape[1]), index.ravel(), cosine.ravel())


def threshold_pairs(own: np.ndarray, theirs: np.ndarray, threshold: float, block_rows: int | None = None) -> Found:
    """All whose cosine is `threshold` or more: none for some rows, many for others."""
    parts, block_rows = [], block_rows or rows_at_once(len(theirs))
    for start in range(0, len(own), block_rows):
        similarity = own[start : start + block_rows] @ theirs.T  # (block, m)
        row, column = np.nonzero(similarity >= np.float32(threshold))
        cosine = similarity[row, column]
        order = np.lexsort((column, -cosine, row))
        parts.append((row[order] + start, column[order], cosine[order]))
    return _found(parts)


def mutual_pairs(own: np.ndarray, theirs: np.ndarray, find: Nearest = nearest) -> Found:
    """Each row's nearest, where that one's nearest is this row: one partner or none, and the same pairs both ways."""
    there, cosine = find(own, theirs, 1)
    back, _ = find(theirs, own, 1)
    row = np.flatnonzero(back[there[:, 0], 0] == np.arange(len(own)))
    return Found(row, there[row, 0], cosine[row, 0])


def random_pairs(own: np.ndarray, theirs: np.ndarray, partners: int, seed: int) -> Found:
    """`partners` different ones for each row, all equally likely; the cosine of every pair is their common mean.

    Were each pair told its own cosine, weights would lean towards the good ones among those drawn, and the control would
    not be blind.
    """
    generator, k = np.random.default_rng(seed), min(partners, len(theirs))
    drawn = [generator.choice(len(theirs), k, replace=False) for _ in range(len(own))]
    column = np.array(drawn, dtype=np.int64).reshape(-1)
    row = np.arange(len(own)).repeat(k)
    mean = np.einsum("pd,pd->p", own[row], theirs[column]).mean() if len(row) else 0.0
    return Found(row, column, np.full(len(row), mean, dtype=np.float32))


def oracle_pairs(
    own: np.ndarray, theirs: np.ndarray, label: np.ndarray, their_label: np.ndarray, partners: int
) -> Found:
    """Each row's `partners` most similar of its own label; none for a row without a label, or whose label is not there."""
    parts = []
    for value in np.unique(label[label >= 0]):
        rows, columns = np.flatnonzero(label == value), np.flatnonzero(their_label == value)
        if len(columns):
            found = nearest_pairs(own[rows], theirs[columns], partners)
            parts.append((rows[found.row], columns[found.column], found.cosine))
    together = _found(parts)
    order = np.argsort(together.row, kind="stable")
    return Found(together.row[order], together.column[order], together.cosine[order])


def scheme_of(pairing: str, partners: int, threshold: float, seed: int, find: Nearest = nearest) -> Scheme:
    """The function of two groups that a `bind.pairing` names; raises ValueError for another name.

    `find` looks for the nearest.

    A random draw follows from the seed and the two groups' names alone, so that it does not matter which comes first.
    """
    schemes: dict[str, Scheme] = {
        "nearest": lambda a, b: nearest_pairs(a.vectors, b.vectors, partners, find),
        "topk_sum": lambda a, b: nearest_pairs(a.vectors, b.vectors, partners, find),
        "threshold": lambda a, b: threshold_pairs(a.vectors, b.vectors, threshold),
        "mutual": lambda a, b: mutual_pairs(a.vectors, b.vectors, find),
        "random": lambda a, b: random_pairs(
            a.vectors, b.vectors, partners, derived_seed(seed, "random pairs", *sorted((a.group, b.group)))
        ),
        "oracle": lambda a, b: oracle_pairs(a.vectors, b.vectors, a.label, b.label, partners),
    }
    if pairing not in schemes:
        raise ValueError(f"unknown pairing {pairing!r}: one of {', '.join(PAIRINGS)}")
    return schemes[pairing]


def _found(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Found:
    """The parts one after another; no pair where there is none."""
    whole, real = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
    return Found(*(np.concatenate(column) for column in zip((whole, whole, real), *parts, strict=True)))
