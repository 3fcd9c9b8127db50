"""The weighted sum of one block over nodes, the same to the bit whoever adds up which part of it.

A sum of floating-point numbers depends on its order. Here the order is a tree over the nodes' numbers: eight neighbours are
added one after another, then groups of eight two by two, pairs of pairs, and so on; a branch without a reply is left out.
A subtree's sum depends on nothing but its own replies, so that it may be made wherever all of these are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

Block = dict[str, np.ndarray]

GROUP = 8  # neighbours that are added one after another; more would leave less to share out among few processes
_SLICE = 16_384
Subtree = tuple[int, int]  # level and index: the groups from index · 2^level on, 2^level of them


@dataclass
class Part:
    """What the replies of one subtree come to: the sum of their weights, and float64 sums of weight times value."""

    level: int
    index: int
    weight: float
    values: Block

    @property
    def first(self) -> int:
        """The first of its groups."""
        return self.index << self.level


class TreeSum:
    """Adds up replies to one block, and parts that were added up elsewhere, all in rising order of their nodes.

    like  the block's names, shapes and types; nothing else is read of it
    """

    def __init__(self, like: Block):
        self.like = like
        self._parts: list[Part] = []  # rising; at most one for each level of the tree, as long as no group is left out
        self._last = -1
        self._scratch = np.empty(_SLICE)

    def add(self, block: Block, weight: float, node: int) -> None:
        """Adds a reply; it is not kept. Raises KeyError for another block's names, ValueError for other shapes.

        Raises ValueError for a node that does not come after the last.
        """
        if node <= self._last:
            raise ValueError(f"node {node} comes after node {self._last}: sums go by rising number")
        group, fresh = node // GROUP, not self._parts or self._last // GROUP != node // GROUP
        self._last = node
        if fresh:
            self._settle(group)
            self._parts.append(Part(0, group, 0.0, {}))
        part = self._parts[-1]
        part.weight += weight
        for name, like in self.like.items():
            value = np.asarray(block[name])
            if value.shape != like.shape:
                raise ValueError(f"{name}: shape {value.shape}, expected {like.shape}")
            if fresh:
                part.values[name] = np.empty(like.shape)
                np.multiply(value, weight, dtype=np.float64, out=part.values[name])
                continue
            self._add(part.values[name].reshape(-1), value.reshape(-1), weight)

    def _add(self, sum_: np.ndarray, value: np.ndarray, weight: float) -> None:
        """Adds in place, slice by slice, so that what lies between stays in the processor's cache.

        A product and a sum of their own, which every processor rounds alike, unlike the one step of BLAS.
        """
        for begin in range(0, len(sum_), _SLICE):
            some = sum_[begin : begin + _SLICE]
            scratch = self._scratch[: len(some)]
            np.multiply(value[begin : begin + _SLICE], weight, dtype=np.float64, out=scratch)
            some += scratch

    def add_part(self, part: Part) -> None:
        """Adds what another TreeSum gave as `whole`; it is the receiver's from now on."""
        if part.first * GROUP <= self._last:
            raise ValueError(f"a part from node {part.first * GROUP} on comes after node {self._last}")
        self._last = ((part.index + 1) << part.level) * GROUP - 1
        self._settle(part.first)
        self._parts.append(part)

    def whole(self, at: Subtree | None = None) -> Part:
        """All that was added, as one part: of the subtree `at`, which must hold it all, or of the smallest that does.

        Raises ValueError where nothing was added.
        """
        if not self._parts:
            raise ValueError("no reply of a weight above 0 was added")
        while len(self._parts) > 1 or (at is not None and self._parts[-1].level < at[0]):
            self._up()
        return self._parts[0]

    def mean(self) -> Block:
        """The weighted mean in the block's types; raises ValueError where nothing was added."""
        whole = self.whole()
        return {name: (value / whole.weight).astype(self.like[name].dtype) for name, value in whole.values.items()}

    def _settle(self, group: int) -> None:
        """Joins what is complete once only groups from this one on are to come."""
        while self._parts and ((self._parts[-1].index | 1) + 1) << self._parts[-1].level <= group:
            self._up()

    def _up(self) -> None:
        """The last part one level up, with its sibling where there is one."""
        last = self._parts.pop()
        before = self._parts[-1] if self._parts else None
        if last.index % 2 and before is not None and (before.level, before.index) == (last.level, last.index - 1):
            for name, value in before.values.items():
                if value.flags.writeable:
                    value += last.values[name]
                else:  # it lies in memory that processes share
                    before.values[name] = value + last.values[name]
            before.weight += last.weight
            last = self._parts.pop()
        self._parts.append(Part(last.level + 1, last.index // 2, last.weight, last.values))


def owned(nodes: Collection[int], everyone: Collection[int]) -> list[Subtree]:
    """The largest subtrees of which all asked nodes are among `nodes`, in rising order; what is left lies in mixed groups.

    everyone  all nodes that are asked, `nodes` among them
    """
    if not everyone:
        return []
    mine = {node // GROUP for node in nodes}
    pure = mine - {node // GROUP for node in set(everyone) - set(nodes)}
    others = {node // GROUP for node in everyone} - pure
    height = max(node // GROUP for node in everyone).bit_length()
    found: list[Subtree] = []

    def walk(level: int, index: int) -> None:
        first, stop = index << level, (index + 1) << level
        inside = {group for group in pure if first <= group < stop}
        if not inside:
            return
        if not any(first <= group < stop for group in others):
            found.append((level, index))
            return
        walk(level - 1, 2 * index)
        walk(level - 1, 2 * index + 1)

    walk(height, 0)
    return found


def holder(subtrees: Sequence[Subtree], node: int) -> Subtree | None:
    """The subtree that a node lies in; None where it lies in none of these."""
    group = node // GROUP
    return next((at for at in subtrees if group >> at[0] == at[1]), None)


def joined(like: Block, parts: Iterable[Part], replies: Iterable[tuple[int, float, Block]]) -> TreeSum:
    """One sum of parts, and of further replies as (node, weight, block), whatever order they come in."""
    sum_ = TreeSum(like)
    waiting: list[tuple[int, Part | tuple[int, float, Block]]] = [(part.first * GROUP, part) for part in parts]
    waiting += [(reply[0], reply) for reply in replies]
    for _, each in sorted(waiting, key=lambda pair: pair[0]):
        if isinstance(each, Part):
            sum_.add_part(each)
        else:
            sum_.add(each[2], each[1], each[0])
    return sum_
