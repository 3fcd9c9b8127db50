"""Modality-wise aggregation: each block goes to a rule with just the replies that hold it.

A block is the encoder or the projection of one modality, or a part of the head. Nodes hold different sensors, so
replies differ in their blocks; a block that no reply holds stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from strategies.modality_bias import modality_bias
from strategies.rule import Memory, Refused, Reply, Rule, apply
from strategies.tree import TreeSum

Block = dict[str, np.ndarray]
PlainRule = Callable[[Sequence[Block], Sequence[float]], Block]


@dataclass(frozen=True)
class Contribution:
    """One node's blocks and its weight, usually its number of examples; `partition` fixes its place in the sums.

    facts  numbers told beside the blocks, for rules that need them
    began  the blocks that it set out from, where these are not the current ones
    """

    partition: int
    blocks: Mapping[str, Block]
    weight: float
    facts: Mapping[str, float] = field(default_factory=dict)
    began: Mapping[str, Block] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """The blocks after a round and each block's memory.

    refused   blocks that stay as they are, with the rule's reason
    left_out  by block the nodes whose reply to it was left out, with the reasons
    """

    blocks: dict[str, Block]
    memory: dict[str, Memory]
    refused: dict[str, str]
    left_out: dict[str, dict[int, str]]


def aggregate(current: Mapping[str, Block], contributions: Sequence[Contribution], rule: PlainRule) -> dict[str, Block]:
    """The blocks after a round of a rule that is one function: rule(replies that hold the block), sorted by partition.

    The order of `contributions` has no influence. Contributions of weight 0 are left out. The plain form of `next_blocks`.
    """
    ordered = sorted((each for each in contributions if each.weight > 0), key=lambda each: each.partition)
    updated = dict(current)
    for name in current:
        holders = [each for each in ordered if name in each.blocks]
        if holders:
            updated[name] = rule([each.blocks[name] for each in holders], [each.weight for each in holders])
    return updated


def next_blocks(
    rule: Rule,
    current: Mapping[str, Block],
    memory: Mapping[str, Memory],
    contributions: Sequence[Contribution],
    holders: Mapping[str, int] | None = None,
) -> Outcome:
    """One round of every block under the rule, each with a memory of its own.

    holders  how many nodes hold each block, whether or not they were asked; rules that need it are told

    A block that no reply of weight above 0 holds stays as it is, and so does one whose replies the rule refuses: the
    others go on. A reply that the rule cannot use is left out of the block's.
    """
    blocks, remembered, refused = dict(current), dict(memory), dict[str, str]()
    left_out: dict[str, dict[int, str]] = {}
    everyone = _weight_of_all(contributions)
    bias = _bias(contributions, current) if any(rule.for_block(name).by_bias for name in current) else {}
    for name in current:
        replies = [
            Reply(
                each.blocks[name],
                each.weight,
                each.partition,
                {
                    "weight_all": everyone,
                    **({"holders": float(holders[name])} if holders and name in holders else {}),
                    **bias.get(each.partition, {}),
                    **each.facts,
                },
                each.began.get(name),
            )
            for each in contributions
            if name in each.blocks
        ]
        if not any(reply.weight > 0 for reply in replies):
            continue
        faults = {r.node: why for r in replies if r.weight > 0 and (why := rule.for_block(name).unusable(r))}
        replies = [reply for reply in replies if reply.node not in faults]
        if faults:
            left_out[name] = faults
        try:
            blocks[name], remembered[name] = apply(rule.for_block(name), current[name], memory.get(name, {}), replies)
        except Refused as reason:
            refused[name] = str(reason)
    return Outcome(blocks, remembered, refused, left_out)


def next_by_sums(
    rule: Rule, current: Mapping[str, Block], memory: Mapping[str, Memory], sums: Mapping[str, TreeSum]
) -> Outcome:
    """The same of replies that were added up elsewhere, under rules of which each is a `plain_mean`."""
    blocks, remembered, refused = dict(current), dict(memory), dict[str, str]()
    for name, found in sums.items():
        try:
            blocks[name], remembered[name] = rule.for_block(name).finish(found, current[name], memory.get(name, {}))
        except Refused as reason:
            refused[name] = str(reason)
    return Outcome(blocks, remembered, refused, {})


def _weight_of_all(contributions: Sequence[Contribution]) -> float:
    """What all nodes count together; a node that counts differently by modality, by the most."""
    most: dict[int, float] = {}
    for each in contributions:
        most[each.partition] = max(most.get(each.partition, 0.0), each.weight)
    return sum(most[partition] for partition in sorted(most))


def _bias(contributions: Sequence[Contribution], current: Mapping[str, Block]) -> dict[int, dict[str, float]]:
    """Every node's modality bias, over all that it sent."""
    found: dict[int, dict[str, float]] = {}
    for each in contributions:
        found.setdefault(each.partition, {}).update(modality_bias(each.blocks, current))
    return found
