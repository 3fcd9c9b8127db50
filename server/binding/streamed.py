"""Embeddings that arrive one after another are matched as they come: a running top-k for every two groups.

What was found so far and the best of a new block give the best of both, so nothing waits for the last node, and no more
than a block is looked at at once. The result is that of matching everything in the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from server.binding.match import nearest
from server.binding.pairing import Found
from server.binding.search import Nearest

BLOCK = 4_096  # rows that are matched at once; what arrives in smaller parts waits for as many


@dataclass(frozen=True)
class Best:
    """The best so far of some rows: ids of their partners int64 (n, k), cosines float32 (n, k), best first, k may be 0."""

    partner: np.ndarray
    cosine: np.ndarray


def none_yet(rows: int) -> Best:
    """Nothing found for so many rows."""
    return Best(np.zeros((rows, 0), np.int64), np.zeros((rows, 0), np.float32))


def merged(first: Best, second: Best, partners: int) -> Best:
    """The best of both; of equals the smaller id."""
    partner = np.concatenate([first.partner, second.partner], axis=1)
    cosine = np.concatenate([first.cosine, second.cosine], axis=1)
    order = np.lexsort((partner, -cosine), axis=1)[:, :partners]
    return Best(np.take_along_axis(partner, order, axis=1), np.take_along_axis(cosine, order, axis=1))


@dataclass
class _Block:
    ids: np.ndarray  # (n,), rising
    rows: np.ndarray  # (n, d)
    best: dict[str, Best] = field(default_factory=dict)  # by group of the partners


class Arriving:
    """Groups whose samples arrive in parts; memory beyond the rows themselves: 12 bytes for each partner of a row.

    partners  how many are kept for each sample in every other group
    find      what looks for neighbours in a block
    """

    def __init__(self, partners: int, find: Nearest = nearest, block: int = BLOCK):
        self.partners, self.find, self.block = partners, find, block
        self._blocks: dict[str, list[_Block]] = {}
        self._waiting: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}

    def arrive(self, group: str, ids: np.ndarray, rows: np.ndarray) -> None:
        """Takes some samples of a group: ids int64 (n,), unlike all others of the group, and unit rows (n, d)."""
        self._waiting.setdefault(group, []).append((ids, rows))
        if sum(len(each) for each, _ in self._waiting[group]) >= self.block:
            self._match(group)

    def found(self, own: str, theirs: str) -> Found:
        """The pairs from one group to another, samples of either numbered in the order of their ids."""
        for group in list(self._waiting):
            self._match(group)
        mine, others = self._blocks.get(own, []), self._blocks.get(theirs, [])
        if not mine or not others:
            return Found(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
        order = np.argsort(np.concatenate([block.ids for block in mine]))
        best = [block.best[theirs] for block in mine]
        partner, cosine = (
            np.concatenate(parts)[order] for parts in ([b.partner for b in best], [b.cosine for b in best])
        )
        column = np.searchsorted(np.sort(np.concatenate([block.ids for block in others])), partner)
        return Found(np.arange(len(order)).repeat(partner.shape[1]), column.ravel(), cosine.ravel())

    def _match(self, group: str) -> None:
        """Matches what waits of a group with all blocks of the others, both ways."""
        parts = [part for part in self._waiting.pop(group) if len(part[0])]
        if not parts:
            return
        ids, rows = (np.concatenate(each) for each in zip(*parts, strict=True))
        order = np.argsort(ids)
        new = _Block(ids[order], rows[order])
        for other, blocks in self._blocks.items():
            if other == group:
                continue
            for block in blocks:
                self._meet(new, other, block)
                self._meet(block, group, new)
        self._blocks.setdefault(group, []).append(new)

    def _meet(self, own: _Block, other: str, theirs: _Block) -> None:
        """Updates the best of one block by the rows of another."""
        index, cosine = self.find(own.rows, theirs.rows, self.partners)
        before = own.best.get(other) or none_yet(len(own.ids))
        own.best[other] = merged(before, Best(theirs.ids[index], cosine), self.partners)
