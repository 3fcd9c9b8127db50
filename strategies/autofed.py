"""AutoFed: absent sensors filled in by autoencoders trained across nodes, and the mean of the nodes that are most alike.

Zheng et al., "AutoFed: Heterogeneity-Aware Federated Multimodal Learning for Robust Autonomous Driving" (MobiCom 2023).

Carries over: nodes that hold two sensors train, before the contrast and averaged over nodes, a network that makes the
one's windows from the other's; in the contrast every node fills in what it lacks and trains the encoders of all sensors,
made windows being views of the sample like recorded ones. And the choice of clients by how alike their models are.

Departures: windows are made from the sensor that all groups share, since no other two are held together by enough nodes;
where labels bind, or several sensors do, nothing is filled in and a note says so. Others' embeddings to be trained against
are of recorded windows alone, and nodes that fine-tune or test have nothing filled in. Clients are chosen block by
block: the node whose nearest others lie nearest, with these, as this project reads the outline of the paper that was at
hand; its search tree changes how fast they are found, not which. Left out: pseudo-labels for objects that nobody marked,
since a window here has one class or none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from strategies.fedavg import fedavg
from strategies.rule import Block, Collecting, Memory, Reply
from strategies.stack import squared_distances, stacked


def most_alike(rows: np.ndarray, count: int) -> list[int]:
    """Which `count` of n rows (n, d) to take: the one with the least sum of distances to its nearest others, and these."""
    apart = np.sqrt(squared_distances(rows))
    order = np.argsort(apart, axis=1, kind="stable")[:, :count]  # a row itself is its nearest
    spread = np.take_along_axis(apart, order, axis=1).sum(axis=1)
    return sorted(order[int(spread.argmin())].tolist())


@dataclass(frozen=True)
class AutoFed(Collecting):
    """share  of the nodes that hold a block whose replies are taken, rounded up"""

    share: float = 0.75
    fills: ClassVar[bool] = True

    def of_all(self, replies: Sequence[Reply], current: Block, memory: Memory) -> tuple[Block, Memory]:
        """The mean by weight over the chosen."""
        taken = most_alike(stacked(replies, current), math.ceil(self.share * len(replies) - 1e-9))
        return fedavg([replies[at].block for at in taken], [replies[at].weight for at in taken]), memory
