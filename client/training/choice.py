"""A node's choice of the sensors whose encoders it sends, by what they bring and cost (MFedMC, Yuan et al., 2024)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

Value = Callable[[frozenset[str]], float]  # what a set of sensors is worth


def shapley(names: Sequence[str], value: Value) -> dict[str, float]:
    """Each one's Shapley value: what it adds, in the mean over all orders in which they may join. Exact, 2^n values."""
    found = dict.fromkeys(names, 0.0)
    worth = {
        frozenset(some): value(frozenset(some)) for size in range(len(names) + 1) for some in combinations(names, size)
    }
    for some, before in worth.items():
        share = math.factorial(len(some)) * math.factorial(len(names) - len(some) - 1) if len(some) < len(names) else 0
        for name in set(names) - some:
            found[name] += share / math.factorial(len(names)) * (worth[some | {name}] - before)
    return found


def priority(
    impact: Mapping[str, float], size: Mapping[str, int], waited: Mapping[str, float], parts: Sequence[float]
) -> dict[str, float]:
    """How much each sensor should be sent: impact, smallness and time since it was sent last, weighed by `parts`.

    impact  Shapley values, taken without sign and as a share of the largest
    size    bytes of what would be sent, as a share of the largest
    waited  share of the rounds until now since it was sent last, 0 to 1
    """
    most, largest = max(abs(each) for each in impact.values()), max(size.values())
    return {
        m: parts[0] * (abs(impact[m]) / most if most > 0 else 0.0)
        + parts[1] * (1.0 - size[m] / max(largest, 1))
        + parts[2] * waited[m]
        for m in impact
    }


def chosen(priorities: Mapping[str, float], count: int) -> list[str]:
    """So many of the highest; of equals the first by name."""
    return sorted(sorted(priorities, key=lambda name: (-priorities[name], name))[:count])
