"""What a rule is: how the replies that hold one block become the next block.

A rule is a value that holds its parameters and nothing else. What it remembers from round to round is its memory, a
plain mapping of numbers, arrays and mappings, handed in and handed back, so that it saves and loads with a job's state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from strategies.sums import Sums

Block = dict[str, np.ndarray]
Memory = Mapping[str, Any]


class Refused(Exception):
    """A rule may not be applied to these replies; its text says why. The block stays as it is."""


@dataclass(frozen=True)
class Reply:
    """One node's version of a block.

    weight  how much it counts, above 0
    node    fixes its place in sums, and names what a rule remembers of it
    facts   numbers told beside it: `loss`, `steps`, `rate`, `entropy`, `quality`, `staleness`
    began   the block that the node set out from; None: the current one
    """

    block: Block
    weight: float = 1.0
    node: int = 0
    facts: Mapping[str, float] = field(default_factory=dict)
    began: Block | None = None


class Rule:
    """A round of one block: `begin`, `add` for each reply, `finish`. Subclasses are frozen dataclasses of parameters."""

    streams: ClassVar[bool] = False  # whether a round holds one model, whatever the number of replies
    needs: ClassVar[tuple[str, ...]] = ()  # facts that every reply must tell
    uses_late: ClassVar[bool] = (
        False  # whether replies that missed their round count in a later one, with their `staleness`
    )
    fills: ClassVar[bool] = (
        False  # whether nodes fill in what they lack, by networks trained for it before the contrast
    )
    by_bias: ClassVar[bool] = False  # whether replies must tell their node's modality bias (`strategies.modality_bias`)

    @property
    def _parts(self) -> str:
        return f"{type(self).__name__} is put together of several rules: ask for_block(name) for one of them"

    def for_block(self, name: str) -> Rule:
        """The rule that a block of this name goes to: this one, unless it is put together of several."""
        return self

    def unusable(self, reply: Reply) -> str | None:
        """Why a reply must be left out of the round, or None: one node's fault is not the others'."""
        missing = [name for name in self.needs if name not in reply.facts]
        return f"did not tell its {missing[0]}" if missing else None

    def counts(self, reply: Reply) -> float:
        """How much a reply counts in this rule: its weight, unless the rule changes it. Never below 0."""
        return reply.weight

    def on_node(self) -> Mapping[str, Any]:
        """What nodes do for this rule while they train, in words of JSON; empty for most."""
        return {}

    def begin(self, current: Block, memory: Memory, total: float | None = None) -> Any:
        """What the round gathers replies in. `total`: the sum of what all to come count, where it is known before."""
        raise TypeError(self._parts)

    def add(self, gathered: Any, current: Block, memory: Memory, reply: Reply) -> None:
        """Takes one reply, the nodes in rising order; changes `gathered` in place."""
        raise TypeError(self._parts)

    def finish(self, gathered: Any, current: Block, memory: Memory) -> tuple[Block, Memory]:
        """The next block, and what to remember; raises Refused where the guarantee does not hold for these replies."""
        raise TypeError(self._parts)

    def beside(self, current: Block, memory: Memory) -> Block | None:
        """What nodes are sent beside the block, of its names and shapes; None for most rules."""
        return None

    def sent_to(self, node: int, current: Block, memory: Memory) -> Block:
        """What a node is sent of the block: the current one, unless the rule keeps several."""
        return current


class MeanLike(Rule):
    """Rules that need the weighted mean of the replies alone: they add up as replies arrive and hold one model."""

    streams = True

    def begin(self, current: Block, memory: Memory, total: float | None = None) -> Sums:
        """An empty sum."""
        return Sums(current, total)

    def add(self, gathered: Sums, current: Block, memory: Memory, reply: Reply) -> None:
        """Adds the reply with its weight."""
        gathered.add(reply.block, self.counts(reply))

    def finish(self, gathered: Sums, current: Block, memory: Memory) -> tuple[Block, Memory]:
        """What `moved` makes of the mean."""
        return self.moved(gathered.mean(), current, memory)

    def moved(self, mean: Block, current: Block, memory: Memory) -> tuple[Block, Memory]:
        """The next block and memory, from the mean of the replies: the mean itself, unless the rule moves otherwise."""
        return mean, memory


class Collecting(Rule, ABC):
    """Rules that must see all replies at once."""

    def begin(self, current: Block, memory: Memory, total: float | None = None) -> list[Reply]:
        """No reply."""
        return []

    def add(self, gathered: list[Reply], current: Block, memory: Memory, reply: Reply) -> None:
        """Keeps the reply."""
        gathered.append(reply)

    def finish(self, gathered: list[Reply], current: Block, memory: Memory) -> tuple[Block, Memory]:
        """What `of_all` makes of the replies, the nodes in rising order."""
        replies = sorted(gathered, key=lambda reply: reply.node)
        refuse_few(len(replies), self.least(), type(self).__name__)
        return self.of_all(replies, current, memory)

    def least(self) -> int:
        """The fewest replies for which the rule's guarantee holds."""
        return 1

    @abstractmethod
    def of_all(self, replies: Sequence[Reply], current: Block, memory: Memory) -> tuple[Block, Memory]:
        """The next block and memory."""


def refuse_few(count: int, least: int, name: str) -> None:
    """Raises Refused where there are fewer replies than a guarantee needs."""
    if count < least:
        raise Refused(f"{name} needs {least} nodes that hold it, {count} answered")


def without_a_step(reply: Reply) -> str | None:
    """Why a node's number of steps and rate, where it tells them, cannot be."""
    if not reply.facts.get("steps", 1.0) >= 1.0:
        return f"says that it took {reply.facts['steps']:g} steps"
    return None if reply.facts.get("rate", 1.0) > 0 else f"says that its rate was {reply.facts['rate']:g}"


def like(values: Mapping[str, np.ndarray], current: Block) -> Block:
    """The values in the types of `current`."""
    return {name: np.asarray(values[name]).astype(value.dtype) for name, value in current.items()}


def apply(
    rule: Rule, current: Block, memory: Memory, replies: Sequence[Reply], streamed: bool = False
) -> tuple[Block, Memory]:
    """One round of one block: the next block, and what to remember.

    Replies of weight 0 are left out. Without any other the block and the memory stay. The order of `replies` has no
    influence. `streamed`: as if the sum of the weights were not known before the last reply; sums then differ in the
    last bits. Raises Refused where the rule refuses, and where a reply is `unusable`: `next_blocks` leaves those out before.
    Raises ValueError for a negative weight.
    """
    if any(not reply.weight >= 0 for reply in replies):
        raise ValueError(f"weights {[reply.weight for reply in replies]}: none may be negative or NaN")
    counted = sorted((reply for reply in replies if reply.weight > 0), key=lambda reply: reply.node)
    if not counted:
        return current, memory
    for reply in counted:
        if why := rule.unusable(reply):
            raise Refused(f"node {reply.node} {why}")
    total = None if streamed else float(sum(rule.counts(reply) for reply in counted))
    if total == 0:
        raise Refused(f"none of the {len(counted)} nodes counts anything under {type(rule).__name__}")
    gathered = rule.begin(current, memory, total)
    for reply in counted:
        rule.add(gathered, current, memory, reply)
    return rule.finish(gathered, current, memory)
