"""NNM: every reply becomes the mean of its n − f nearest, then a robust rule takes them (Allouah et al., AISTATS 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from strategies.centred_clipping import CentredClipping
from strategies.fedmedian import FedMedian
from strategies.fedtrimmedavg import FedTrimmedAvg
from strategies.geometric_median import GeometricMedian
from strategies.krum import Krum
from strategies.multikrum import MultiKrum
from strategies.rule import Block, Collecting, Memory, Refused, Reply, apply
from strategies.stack import squared_distances, stacked, unstacked

AFTER = {
    "fedmedian": lambda f: FedMedian(faulty=f),
    "fedtrimmedavg": lambda f: FedTrimmedAvg(),
    "krum": lambda f: Krum(faulty=f),
    "multikrum": lambda f: MultiKrum(faulty=f),
    "geometric_median": lambda f: GeometricMedian(faulty=f),
    "centred_clipping": lambda f: CentredClipping(faulty=f),
}


def mixed(rows: np.ndarray, faulty: int) -> np.ndarray:
    """Every row (n, d) as the mean of its n − f nearest, itself among them; equally near ones by their place."""
    nearest = np.argsort(squared_distances(rows), axis=1, kind="stable")[:, : len(rows) - faulty]
    return np.stack([rows[each].mean(axis=0) for each in nearest])


@dataclass(frozen=True)
class NNM(Collecting):
    """faulty  so many nodes may send anything; then  the robust rule that takes what is mixed"""

    faulty: int = 1
    then: str = "fedmedian"

    def least(self) -> int:
        """2f + 1."""
        return 2 * self.faulty + 1

    def of_all(self, replies: Sequence[Reply], current: Block, memory: Memory) -> tuple[Block, Memory]:
        """What the second rule makes of the mixed replies; raises Refused where that rule does."""
        if self.then not in AFTER:
            raise Refused(f"NNM goes before one of {', '.join(AFTER)}, not {self.then}")
        rows = mixed(stacked(replies, current), self.faulty)
        whole = [replace(reply, block=unstacked(row, current)) for reply, row in zip(replies, rows, strict=True)]
        return apply(AFTER[self.then](self.faulty), current, memory, whole)
