"""The weighted sum of one block over nodes, holding one model whatever their number.

A sum of floating-point numbers depends on their order in its last bit, so both ways below add in the order in which they
are given; `strategies.arrival` puts replies into the order of their nodes as they come.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.blas import saxpy

Block = dict[str, np.ndarray]

_GROUP = 8  # so many replies are added in single precision before they join the double-precision sum


class Sums:
    """Adds up replies to one block.

    like   the block's names, shapes and types
    total  the sum of all weights, where it is known before the first reply: every reply is then scaled by its share and
           added in double precision, to the bit what `strategies.fedavg.fedavg` gives. None: replies are added with
           their weights, float32 ones in single precision in groups of eight, the groups in double precision, and the
           sum is divided at the end. That takes little more than one pass over memory a reply; the mean differs from
           the other by about 2⁻²⁴ of the largest values that entered it.
    """

    def __init__(self, like: Block, total: float | None = None):
        if total is not None and not total > 0:
            raise ValueError(f"weights that sum to {total}: need some above 0")
        self.like, self.total, self.weight, self.count = like, total, 0.0, 0
        self._double = {name: np.zeros(value.shape, dtype=np.float64) for name, value in like.items()}
        self._single = (
            {name: np.zeros(v.size, dtype=np.float32) for name, v in like.items() if v.dtype == np.float32 and v.size}
            if total is None
            else {}
        )

    def add(self, block: Block, weight: float) -> None:
        """Adds a reply; it is not kept. Raises KeyError for another block's names, ValueError for other shapes."""
        self.weight += weight
        self.count += 1
        for name, like in self.like.items():
            value = block[name]
            if value.shape != like.shape:
                raise ValueError(f"{name}: shape {value.shape}, expected {like.shape}")
            if name in self._single:
                saxpy(np.ascontiguousarray(value).reshape(-1), self._single[name], a=weight)
            else:
                share = weight if self.total is None else weight / self.total
                self._double[name] += np.multiply(value, share, dtype=np.float64)
        if self._single and self.count % _GROUP == 0:
            self._fold()

    def mean(self) -> Block:
        """The weighted mean in the block's types; raises ValueError where nothing of weight was added."""
        if not self.weight > 0:
            raise ValueError("no reply of a weight above 0 was added")
        if self._single:
            self._fold()
        by = 1.0 if self.total is not None else self.weight
        return {
            name: (value if by == 1.0 else value / by).astype(self.like[name].dtype)
            for name, value in self._double.items()
        }

    def _fold(self) -> None:
        for name, single in self._single.items():
            self._double[name] += single.reshape(self._double[name].shape)
            single[:] = 0.0
