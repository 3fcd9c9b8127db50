"""Which actor holds which node: neighbours together, in runs of about equal cost, by what a node's last message of a kind took.

Sums of replies are made by groups of neighbours (`strategies.tree`), and one that lies with a single actor is made there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

MOVE_ABOVE = 1.15  # nodes move only where the busiest actor would be so much busier than it need be
NEAR = 0.1  # of an actor's share: so much more or less it may have, where that keeps a group of neighbours whole


def runs(costs: Mapping[int, float], actors: int, group: Callable[[int], int]) -> dict[int, int]:
    """Node -> actor: the nodes in rising order, cut where each actor has its share of the cost, or near it between groups.

    No actor has more than its share and the cost of one node, but for `NEAR` on either side.
    """
    nodes = sorted(costs)
    until = [0.0, *accumulate(costs[node] for node in nodes)]  # cost of the nodes before each cut
    share = until[-1] / actors
    anywhere = range(len(until))
    between = [0, *(at for at in range(1, len(nodes)) if group(nodes[at]) != group(nodes[at - 1])), len(nodes)]
    cuts = []
    for actor in range(1, actors):
        cut, whole = (_nearest(places, until, actor * share) for places in (anywhere, between))
        cuts.append(whole if abs(until[whole] - actor * share) <= NEAR * share else cut)
    return {node: bisect_left(cuts, at + 1) for at, node in enumerate(nodes)}


def placed(
    costs: Mapping[int, float], now: Mapping[int, int], actors: int, group: Callable[[int], int]
) -> dict[int, int]:
    """Node -> actor for a round's nodes: where they are, unless that is lopsided; new ones where `runs` has them."""
    anew = runs(costs, actors, group)
    place = {node: now.get(node, actor) for node, actor in anew.items()}
    return anew if _busiest(costs, place, actors) > MOVE_ABOVE * _busiest(costs, anew, actors) else place


def _nearest(places: Sequence[int], until: Sequence[float], wanted: float) -> int:
    """The place, of rising ones, before which the cost is nearest to what is wanted."""
    after = bisect_left(places, wanted, key=until.__getitem__)
    return min(places[max(0, after - 1) : after + 1], key=lambda at: abs(until[at] - wanted))


def _busiest(costs: Mapping[int, float], place: Mapping[int, int], actors: int) -> float:
    load = [0.0] * actors
    for node, actor in place.items():
        load[actor] += costs[node]
    return max(load)
