"""Bulyan: MultiKrum chooses, then of every number those nearest to the median are averaged (El Mhamdi et al., ICML 2018).

By the functions of Flower's class, which itself spends most of its time in a garbage collection for every tensor. Weights
of nodes do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flwr.app import MetricRecord, RecordDict
from flwr.serverapp.strategy.bulyan import aggregate_n_closest_weights
from flwr.serverapp.strategy.multikrum import select_multikrum

from strategies.flower import record
from strategies.rule import Block, Collecting, Memory, Reply, like


@dataclass(frozen=True)
class Bulyan(Collecting):
    """faulty  so many nodes may send anything"""

    faulty: int = 1

    def least(self) -> int:
        """4f + 3."""
        return 4 * self.faulty + 3

    def of_all(self, replies: Sequence[Reply], current: Block, memory: Memory) -> tuple[Block, Memory]:
        """θ = n − 2f are chosen, and of every number the θ − 2f nearest to their median averaged."""
        theta = len(replies) - 2 * self.faulty
        contents = [
            RecordDict({"arrays": record(reply.block), "metrics": MetricRecord({"node": at})})
            for at, reply in enumerate(replies)
        ]
        chosen = select_multikrum(contents, self.faulty, theta)
        rows = [list(replies[_place(each)].block.values()) for each in chosen]
        median = [np.median(np.stack(each), axis=0) for each in zip(*rows, strict=True)]
        made = aggregate_n_closest_weights(median, rows, theta - 2 * self.faulty)
        return like(dict(zip(replies[0].block, made, strict=True)), current), memory


def _place(content: RecordDict) -> int:
    """Which of the replies it was made of."""
    return int(str(content.metric_records["metrics"]["node"]))
