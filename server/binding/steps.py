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

from server.binding.bind import Embedded, Pairs, directed, joined, sides_of
from server.binding.chain import chained, of_the_best, same_samples
from server.binding.pairing import PARTNERS_COUNT, Found, Scheme, Side, scheme_of
from server.binding.search import Nearest, nearest


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
    find: Nearest = nearest,
) -> Pairs:
    """Pairs of all groups that a step joins, and with `through` of those that a chain of steps joins; both ways.

    embedded  modality -> node -> its samples by that modality
    find      what looks for the nearest

    With one modality that all groups hold these are the pairs of `bind`, bit by bit. In a chain a pair's cosine is the
    product of its links' cosines, none below 0; of several chains between two samples the best counts; a sample keeps its
    `partners` best, or under `threshold` all that still reach it. Weights are made for each direction at once.
    """
    scheme = scheme_of(pairing, partners, threshold, seed, find)
    known: dict[tuple[str, str, int], Found] = {}

    def matched(own: Side, theirs: Side) -> Found:  # once, though several ways lead along it
        key = own.group, theirs.group, id(own)
        if key not in known:
            known[key] = scheme(own, theirs)
        return known[key]

    sides = {by: {side.group: side for side in sides_of(found, label_of or {})} for by, found in embedded.items()}
    groups = sorted({group for step in steps for group in (step.first, step.second)})
    most = partners if pairing in PARTNERS_COUNT else None
    least = threshold if pairing == "threshold" else 0.0
    parts = []
    for own in groups:
        for theirs in groups:
            way = way_between(own, theirs, steps) if own != theirs else []
            links = _links(own, way, sides)
            if not links or (len(links) > 1 and not through):
                continue
            found = _along(links, matched)
            if len(links) > 1:
                found = of_the_best(found, most, least)
            parts.append(directed(links[0][0], links[-1][1], found, rule, pairing == "topk_sum"))
    return joined(parts)


def _links(start: str, way: Sequence[Step], sides: Mapping[str, Mapping[str, Side]]) -> list[tuple[Side, Side]]:
    """From which samples to which each step of a way leads; none at all where a group on it sent nothing."""
    links, here = [], start
    for step in way:
        there = step.second if here == step.first else step.first
        if here not in sides[step.by] or there not in sides[step.by]:
            return []
        links.append((sides[step.by][here], sides[step.by][there]))
        here = there
    return links


def _along(links: Sequence[tuple[Side, Side]], scheme: Scheme) -> Found:
    """Pairs from the first side to the last one."""
    found, arrived = scheme(*links[0]), links[0][1]
    for own, theirs in links[1:]:
        found, arrived = chained(found, same_samples(arrived, own), scheme(own, theirs)), theirs
    return found
