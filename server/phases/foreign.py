"""What every node is sent of the others' embeddings in a round of the contrast: made ready once, not anew for each node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from protocol.payload import Block
from server.binding.bind import Pairs, no_pairs

Bank = Mapping[int, Mapping[str, tuple[np.ndarray, np.ndarray]]]  # node -> modality -> handles (n,), unit rows (n, d)


@dataclass(frozen=True)
class _Everyone:
    """One modality's samples of all nodes, nodes in rising order: handles (n,), rows (n, d), whose each is (n,)."""

    handles: np.ndarray
    rows: np.ndarray
    owner: np.ndarray
    order: np.ndarray  # by handle

    def of_others(self, partition: int, wanted: np.ndarray | None) -> Block:
        """All but the node's own, or those of the `wanted` handles alone, in the same order."""
        if wanted is None:
            keep = np.flatnonzero(self.owner != partition)
        else:
            first, last = (np.searchsorted(self.handles, wanted, side, sorter=self.order) for side in ("left", "right"))
            places = [self.order[a:b] for a, b in zip(first.tolist(), last.tolist(), strict=True) if b > a]
            found = np.sort(np.concatenate([np.zeros(0, np.int64), *places]))
            keep = found[self.owner[found] != partition]
        return {"handles": self.handles[keep], "values": self.rows[keep]}


class Foreign:
    """A round's embeddings and pairs, from which every node's share is taken.

    negatives  "all": every other node's samples go to a node; else its partners alone
    quantise   as embeddings came in, in which they go out, as far as that is simple
    """

    def __init__(self, bank: Bank, pairs: Pairs, undecided: Pairs, negatives: str, quantise: str):
        kind = np.float32 if quantise == "float32" else np.float16
        self.negatives = negatives
        self._pairs, self._undecided = pairs.by_node(), undecided.by_node()
        self._of: dict[str, _Everyone] = {}
        for modality in sorted({modality for views in bank.values() for modality in views}):
            nodes = [node for node in sorted(bank) if modality in bank[node]]
            handles = np.concatenate([bank[node][modality][0] for node in nodes])
            rows = np.concatenate([bank[node][modality][1] for node in nodes]).astype(kind, copy=False)
            owner = np.repeat(nodes, [len(bank[node][modality][0]) for node in nodes])
            self._of[modality] = _Everyone(handles, rows, owner, np.argsort(handles, kind="stable"))

    def sent_to(self, partition: int) -> dict[str, Block]:
        """Others' embeddings by modality, the node's own samples' pairs, and those too alike to be told apart."""
        pairs, undecided = (found.get(partition, no_pairs()) for found in (self._pairs, self._undecided))
        wanted = None if self.negatives == "all" else np.unique(pairs.partner_handle)
        found = {f"targets.{modality}": each.of_others(partition, wanted) for modality, each in self._of.items()}
        blocks = {name: block for name, block in found.items() if len(block["handles"])}
        if len(pairs):
            blocks["pairs"] = {"handle": pairs.handle, "partner": pairs.partner_handle, "weight": pairs.weight}
        if len(undecided):
            blocks["undecided"] = {"handle": undecided.handle, "other": undecided.partner_handle}
        return blocks
