"""Modality-wise aggregation: each block goes to a rule with just the replies that hold it.

A block is the encoder or the projection of one modality, or a part of the head. Nodes hold different sensors, so
replies differ in their blocks; a block that no reply holds stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Block = dict[str, np.ndarray]
Rule = Callable[[Sequence[Block], Sequence[float]], Block]


@dataclass(frozen=True)
class Contribution:
    """One node's blocks and its weight, usually its number of examples; `partition` fixes its place in the sums."""

    partition: int
    blocks: Mapping[str, Block]
    weight: float


def aggregate(current: Mapping[str, Block], contributions: Sequence[Contribution], rule: Rule) -> dict[str, Block]:
    """The blocks after a round: rule(replies that hold the block), sorted by partition before adding.

    The order of `contributions` has no influence. Contributions of weight 0 are left out.
    """
    ordered = sorted((each for each in contributions if each.weight > 0), key=lambda each: each.partition)
    updated = dict(current)
    for name in current:
        holders = [each for each in ordered if name in each.blocks]
        if holders:
            updated[name] = rule([each.blocks[name] for each in holders], [each.weight for each in holders])
    return updated
