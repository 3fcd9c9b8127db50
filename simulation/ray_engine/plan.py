"""Which actor holds which node: longest first, by what a node's last message of a kind took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

MOVE_ABOVE = 1.15  # nodes move only where the busiest actor would be so much busier than it need be


def spread(costs: Mapping[int, float], actors: int) -> dict[int, int]:
    """Node -> actor: nodes from the most costly on, each to the actor that has least; its longest is at most 4/3 of the best.

    R. L. Graham, Bounds on multiprocessing timing anomalies, SIAM J. Appl. Math. 17 (1969).
    """
    load, place = [0.0] * actors, {}
    for node in longest_first(costs, costs):
        actor = min(range(actors), key=lambda at: (load[at], at))
        place[node] = actor
        load[actor] += costs[node]
    return place


def placed(costs: Mapping[int, float], now: Mapping[int, int], actors: int) -> dict[int, int]:
    """Node -> actor for a round's nodes: where they are, unless that is lopsided; new ones where there is least to do."""
    load, place = [0.0] * actors, {}
    for node in costs:
        if node in now:
            place[node] = now[node]
            load[now[node]] += costs[node]
    for node in longest_first([each for each in costs if each not in now], costs):
        actor = min(range(actors), key=lambda at: (load[at], at))
        place[node] = actor
        load[actor] += costs[node]
    anew = spread(costs, actors)
    best = max((sum(costs[n] for n, a in anew.items() if a == actor) for actor in range(actors)), default=0.0)
    return anew if max(load) > MOVE_ABOVE * best else place


def longest_first(nodes: Iterable[int], costs: Mapping[int, float]) -> list[int]:
    """The nodes, the most costly first, equals by their number."""
    return sorted(nodes, key=lambda node: (-costs[node], node))


def pieces(nodes: Sequence[int], costs: Mapping[int, float], count: int) -> list[list[int]]:
    """The nodes in at most `count` runs of about equal cost, none empty: replies of one are taken while the next is made."""
    whole = sum(costs[node] for node in nodes)
    found: list[list[int]] = []
    done = 0.0
    for node in nodes:
        at = int(done / whole * count) if whole > 0 else 0
        if not found or at >= len(found):
            found.append([])
        found[-1].append(node)
        done += costs[node]
    return found
