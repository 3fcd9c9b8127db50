"""Who is asked in a round: a share of the nodes, and enough of them for every modality."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np


def taking_part(held: Mapping[int, Collection[str]], fraction: float, least: int, seed: int) -> list[int]:
    """Nodes of one round, in rising order: a random share, and so many more that each thing is held by `least` of them.

    held  by node what it holds, such as blocks; a thing that fewer than `least` nodes hold is held by all of these

    The share is rounded up, so that somebody is asked.
    """
    order = np.random.default_rng(seed).permutation(sorted(held)).tolist()
    chosen = order[: math.ceil(fraction * len(order) - 1e-9)]
    for thing in sorted({each for own in held.values() for each in own}):
        lacking = least - sum(thing in held[node] for node in chosen)
        further = [node for node in order if node not in chosen and thing in held[node]]
        chosen += further[: max(lacking, 0)]
    return sorted(chosen)
