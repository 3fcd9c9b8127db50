"""Clustered aggregation: nodes of like modality bias share a block (Harmony's second stage, Ouyang et al., MobiSys 2023).

A node's modality bias says how far its fusion training moved each modality's encoder. Nodes are clustered by it, each
modality scaled by the largest bias in it, and a block is averaged within each cluster; the block that stands for everyone
is the mean over all. A modality that a node lacks counts as one that did not move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from strategies.fedavg import fedavg
from strategies.rule import Block, Collecting, Memory, Reply

BIAS = "bias."  # facts `bias.<modality>`, told by `modality_bias`


def modality_bias(blocks: Mapping[str, Block], current: Mapping[str, Block]) -> dict[str, float]:
    """`bias.<modality>`: how far a node's encoder of it moved, in lengths of the encoder it set out from."""
    told = {}
    for name, block in blocks.items():
        part, _, modality = name.partition(".")
        if part == "encoder" and name in current:
            moved = sum(float(np.square(block[k].astype(np.float64) - v).sum()) for k, v in current[name].items())
            length = sum(float(np.square(v, dtype=np.float64).sum()) for v in current[name].values())
            told[BIAS + modality] = (moved / max(length, 1e-12)) ** 0.5
    return told


def clusters(points: np.ndarray, count: int, iterations: int = 50) -> np.ndarray:
    """The cluster of each of n points (n, d), int64 (n,): k-means from the first point and those farthest from chosen ones.

    Nothing is drawn, so that the same replies always part the same way.
    """
    chosen = [0]
    while len(chosen) < min(count, len(np.unique(points, axis=0))):
        near = np.min([np.square(points - points[each]).sum(axis=1) for each in chosen], axis=0)
        chosen.append(int(near.argmax()))
    centres = points[chosen]
    belongs = np.full(len(points), -1)
    for _ in range(iterations):
        now = np.stack([np.square(points - centre).sum(axis=1) for centre in centres]).argmin(axis=0)
        if (now == belongs).all():
            break
        belongs = now
        centres = np.stack(
            [points[now == k].mean(axis=0) if (now == k).any() else centres[k] for k in range(len(chosen))]
        )
    return belongs


@dataclass(frozen=True)
class ModalityBias(Collecting):
    """clusters  at most so many; nodes that tell no bias are one cluster"""

    clusters: int = 2
    by_bias: ClassVar[bool] = True

    def of_all(self, replies: Sequence[Reply], current: Block, memory: Memory) -> tuple[Block, Memory]:
        """The mean over all; remembered are each cluster's own mean, and which node belongs where."""
        keys = sorted({key for reply in replies for key in reply.facts if key.startswith(BIAS)})
        points = np.array([[reply.facts.get(key, 0.0) for key in keys] for reply in replies]).reshape(len(replies), -1)
        belongs = clusters(points / np.maximum(points.max(axis=0, initial=0.0), 1e-12), self.clusters)
        own = {
            str(k): fedavg(
                *zip(*[(r.block, r.weight) for r, at in zip(replies, belongs, strict=True) if at == k], strict=True)
            )
            for k in sorted(set(belongs.tolist()))
        }
        member = {**memory.get("member", {}), **{r.node: int(at) for r, at in zip(replies, belongs, strict=True)}}
        mean = fedavg([reply.block for reply in replies], [reply.weight for reply in replies])
        return mean, {"own": own, "member": member}

    def sent_to(self, node: int, current: Block, memory: Memory) -> Block:
        """The mean of the node's cluster; everyone's for a node that never answered."""
        member = memory.get("member", {})
        return dict(memory["own"].get(str(member[node]), current)) if node in member else current
