"""More than two groups, bound step by step: which two groups by which modality, and what follows for the others.

MMBind binds two data sets through a modality that both have, and further ones successively, each through what it shares
with one that is already bound. Here a step is a pair of groups and a modality that both hold. Groups that share none are
bound *through* others: i is a partner of k where i's partner in the group between them has k as its own partner. That is
binding a third group to the already bound two, since a sample of the first stands there with its partner's modality.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import combinations

import numpy as np

from server.binding.bind import Embedded, Pairs, directed, joined, sides_of
from server.binding.pairing import PARTNERS_COUNT, Found, Side, scheme_of


@dataclass(frozen=True)
class Step:
    """Two groups, by name in rising order, and the modality by which their samples are compared."""

    first: str
    second: str
    by: str


def steps_possible(groups: Mapping[str, Sequence[str]], by: Sequence[str]) -> list[Step]:
    """Every pair of groups with every modality of `by` that both hold, in the order of `by`, then of names."""
    return [
        Step(first, second, modality)
        for modality in by
        for first, second in combinations(sorted(groups), 2)
        if modality in groups[first] and modality in groups[second]
    ]


def steps_taken(possible: Sequence[Step], quality: Mapping[Step, float] | None = None) -> list[Step]:
    """One step for each pair of groups: the first possible one, or that of the highest quality; the best step first.

    quality  a figure for each step, higher is better; equal ones, and all where it is None, stay in the order given
    """
    ordered = sorted(possible, key=lambda step: -quality[step]) if quality is not None else list(possible)
    taken: dict[tuple[str, str], Step] = {}
    for step in ordered:
        taken.setdefault((step.first, step.second), step)
    return list(taken.values())


def way_between(start: str, goal: str, steps: Sequence[Step]) -> list[Step]:
    """The fewest steps that lead from one group to another, in that order; of equally many the earlier ones; none: []."""
    heap: list[tuple[int, list[int], str, list[int]]] = [(0, [], start, [])]
    seen: set[str] = set()
    while heap:
        length, _, group, way = heappop(heap)
        if group == goal:
            return [steps[at] for at in way]
        if group in seen:
            continue
        seen.add(group)
        for at, step in enumerate(steps):
            if group in (step.first, step.second):
                other = step.second if group == step.first else step.first
                heappush(heap, (length + 1, sorted([*way, at]), other, [*way, at]))
    return []


def bind_steps(
    embedded: Mapping[str, Mapping[int, Embedded]],
    steps: Sequence[Step],
    rule: str,
    partners: int = 1,
    pairing: str = "nearest",
    threshold: float = 1.0,
    seed: int = 0,
    label_of: Mapping[int, int] | None = None,
    through: bool = True,
) -> Pairs:
    """Pairs of all groups that a step joins, and with `through` of those that a chain of steps joins; both ways.

    embedded  modality -> node -> its samples by that modality

    With one modality that all groups hold these are the pairs of `bind`, bit by bit. In a chain a pair's cosine is the
    product of its links' cosines, none below 0; of several chains between two samples the best counts; a sample keeps its
    `partners` best, or under `threshold` all that still reach it. Weights are made for each direction at once.
    """
    scheme = scheme_of(pairing, partners, threshold, seed)
    sides = {by: {side.group: side for side in sides_of(found, label_of or {})} for by, found in embedded.items()}
    groups = sorted({group for step in steps for group in (step.first, step.second)})
    links: dict[tuple[str, str, str], Found] = {}

    def link(own: str, theirs: str, by: str) -> Found | None:
        if own not in sides[by] or theirs not in sides[by]:
            return None
        if (own, theirs, by) not in links:
            links[own, theirs, by] = scheme(sides[by][own], sides[by][theirs])
        return links[own, theirs, by]

    parts = []
    for own in groups:
        for theirs in groups:
            way = way_between(own, theirs, steps) if own != theirs else []
            if not way or (len(way) > 1 and not through):
                continue
            here, found = own, None
            for step in way:
                there = step.second if here == step.first else step.first
                onward = link(here, there, step.by)
                if onward is None:  # a group that sent nothing binds nobody
                    break
                if found is None:
                    found = onward
                else:
                    middle = same_samples(sides[before][here], sides[step.by][here])
                    found = chained(found, middle, onward)
                here, before = there, step.by
            else:
                assert found is not None
                if len(way) > 1:
                    found = _kept(found, partners if pairing in PARTNERS_COUNT else None, threshold, pairing)
                first, last = sides[way[0].by][own], sides[way[-1].by][theirs]
                parts.append(directed(first, last, found, rule, pairing == "topk_sum"))
    return joined(parts)


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


def _kept(found: Found, partners: int | None, threshold: float, pairing: str) -> Found:
    if partners is None and pairing != "threshold":
        return found
    if partners is None:
        keep = found.cosine >= np.float32(threshold)
    else:
        _, start, count = np.unique(found.row, return_index=True, return_counts=True)
        keep = np.arange(len(found)) - start.repeat(count) < partners
    return Found(found.row[keep], found.column[keep], found.cosine[keep])
