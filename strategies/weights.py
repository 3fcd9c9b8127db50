"""What a node counts, from how many examples it trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from strategies.modality_wise import Contribution

QUALITY = "quality"  # the fact: how similar a node's pairs are, 0 to 1


def weighted(
    contributions: Sequence[Contribution], how: str, cap: int = 100, quality: Mapping[int, float] | None = None
) -> list[Contribution]:
    """The contributions with weights by `how`; one of weight 0 keeps 0 under each.

    examples  as they are
    equal     1 each
    binding   examples times the node's `quality`; a node of which none is known has 0
    capped    examples, `cap` at most
    """

    def weight(each: Contribution) -> float:
        if how == "equal":
            return 1.0 if each.weight > 0 else 0.0
        if how == "capped":
            return min(each.weight, float(cap))
        if how == "binding":
            return each.weight * (quality or {}).get(each.partition, 0.0)
        return each.weight

    return list(contributions) if how == "examples" else [replace(each, weight=weight(each)) for each in contributions]
