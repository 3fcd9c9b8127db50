"""The weighted sum of one block over nodes, holding one model whatever their number.

A sum of floating-point numbers depends on their order in its last bit, so both ways below add in the order in which they
are given; `strategies.arrival` puts replies into the order of their nodes as they come.
"""

from __future__ import annotations

import numpy as np

Block = dict[str, np.ndarray]

_GROUP = 16  # so many replies are added in single precision before they join the double-precision sum
CHUNK = 131_072  # numbers at a time, so that what is made of them between two passes stays in the cache


class Sums:
    """Adds up replies to one block.

    like   the block's names, shapes and types
    total  the sum of all weights, where it is known before the first reply: every reply is then scaled by its share and
           added in double precision, to the bit what `strategies.fedavg.fedavg` gives. None: replies are added with
           their weights, float32 ones in single precision in groups of sixteen, the groups in double precision, and the
           sum is divided at the end. That takes little more than one pass over memory a reply; the mean differs from
           the other by about 2⁻²³ of the largest values that entered it.
    """

    def __init__(self, like: Block, total: float | None = None):
        if total is not None and not total > 0:
            raise ValueError(f"weights that sum to {total}: need some above 0")
        self.like, self.total, self.weight, self.count = like, total, 0.0, 0
        self._double = {name: np.zeros(value.shape, dtype=np.float64) for name, value in like.items()}
        self._single = _singles(like) if total is None else {}

    def add(self, block: Block, weight: float, beside: tuple[Differences, float] | None = None) -> None:
        """Adds a reply; it is not kept. Raises KeyError for another block's names, ValueError for other shapes.

        beside  differences to which it is added too, with the weight there, while each tensor is in the cache
        """
        self.weight += weight
        self.count += 1
        for name, like in self.like.items():
            value = block[name]
            if value.shape != like.shape:
                raise ValueError(f"{name}: shape {value.shape}, expected {like.shape}")
            if name in self._single:
                _scale_into(self._single[name], value, weight, first=self.count % _GROUP == 1)
            else:
                share = weight if self.total is None else weight / self.total
                self._double[name] += np.multiply(value, share, dtype=np.float64)
            if beside is not None:
                beside[0].add_tensor(name, value, beside[1])
        if beside is not None:
            beside[0].count(beside[1])
        if self.count % _GROUP == 0:
            self._fold()

    def mean(self) -> Block:
        """The weighted mean in the block's types; raises ValueError where nothing of weight was added."""
        if not self.weight > 0:
            raise ValueError("no reply of a weight above 0 was added")
        if self.count % _GROUP:
            self._fold()
        by = 1.0 if self.total is not None else self.weight
        return {
            name: (value if by == 1.0 else value / by).astype(self.like[name].dtype)
            for name, value in self._double.items()
        }

    def _fold(self) -> None:
        for name, single in self._single.items():
            self._double[name] += single.reshape(self._double[name].shape)


class Differences:
    """Adds up how far replies lie from a block: the sum of weight · (reply − base).

    base    the block
    single  whether float32 replies are added in single precision in groups of sixteen, as `Sums` does it, and the base
            is taken off the groups: one pass over memory a reply. The sum then differs by about 2⁻²³ of the largest values
            that entered it. Otherwise every difference is taken in double precision.
    """

    def __init__(self, base: Block, single: bool):
        self.base, self._single, self._weight, self._count = base, _singles(base) if single else {}, 0.0, 0
        self._double: Block = {}  # made when first needed

    def add(self, block: Block, weight: float, began: Block | None = None) -> None:
        """Adds a reply; `began`: from this block instead, in double precision."""
        if began is not None:
            for name, base in began.items():
                _add_difference(self._sum(name), block[name], base, weight)
            return
        for name in self.base:
            self.add_tensor(name, block[name], weight)
        self.count(weight)

    def add_tensor(self, name: str, value: np.ndarray, weight: float) -> None:
        """Adds one tensor of a reply; `count` ends the reply."""
        if name in self._single:
            _scale_into(self._single[name], value, weight, first=self._count == 0)
        else:
            _add_difference(self._sum(name), value, self.base[name], weight)

    def count(self, weight: float) -> None:
        """Ends a reply whose tensors were added."""
        self._count += 1
        self._weight += weight
        if self._count == _GROUP:
            self._fold()

    def add_measured(self, block: Block, weight: float) -> float:
        """Adds weight · (reply − base), chunk by chunk, and returns the squared length of reply − base."""
        from scipy.linalg.blas import saxpy

        length, made = 0.0, np.empty(CHUNK, dtype=np.float32)
        for name, base in self.base.items():
            here, there, single = block[name].reshape(-1), base.reshape(-1), self._single.get(name)
            total = self._sum(name).reshape(-1) if single is None else single
            for at in range(0, here.size, CHUNK):
                part = slice(at, at + CHUNK)
                apart = made[: len(here[part])] if single is not None else np.empty(len(here[part]))
                np.subtract(here[part], there[part], out=apart)
                length += float(np.dot(apart, apart))
                if single is None:
                    total[part] += weight * apart
                elif self._count == 0:
                    np.multiply(apart, np.float32(weight), out=total[part])
                else:
                    saxpy(apart, total[part], a=weight)
        self.count(0.0)  # nothing of the base is to be taken off
        return length

    def add_sum(self, gathered: Block) -> None:
        """Adds differences that were summed up before."""
        for name, value in gathered.items():
            self._sum(name)[...] += value

    def take(self, other: Differences, share: float) -> None:
        """Adds so many times another sum of differences from the same base, which then begins anew with nothing."""
        if other._count:
            for name, value in other._single.items():
                _scale_into(self._single[name], value, share, first=self._count == 0)
            self.count(share * other._weight)
        for name, double in other._double.items():
            self._sum(name)[...] += share * double
        other._double, other._weight, other._count = {}, 0.0, 0

    def pour(self, into: Block, share: float) -> None:
        """Adds so many times the sum to float64 arrays, and begins anew with nothing."""
        for name, value in into.items():
            flat, double = value.reshape(-1), self._double.get(name)
            single = self._single.get(name) if self._count else None
            base = self.base[name].reshape(-1)
            for at in range(0, flat.size, CHUNK):
                part = slice(at, at + CHUNK)
                if single is not None:
                    apart = np.multiply(base[part], np.float64(-share * self._weight), dtype=np.float64)
                    apart += np.multiply(single[part], np.float64(share), dtype=np.float64)
                    flat[part] += apart
                if double is not None:
                    flat[part] += share * double.reshape(-1)[part]
        self._double, self._weight, self._count = {}, 0.0, 0

    def _fold(self) -> None:
        sums = {name: self._sum(name) for name in self._single}
        kept, self._double = self._double, {}
        self.pour(sums, 1.0)
        self._double = kept

    def _sum(self, name: str) -> np.ndarray:
        if name not in self._double:
            self._double[name] = np.zeros(self.base[name].shape, dtype=np.float64)
        return self._double[name]


def _singles(like: Block) -> Block:
    return {name: np.zeros(v.size, dtype=np.float32) for name, v in like.items() if v.dtype == np.float32 and v.size}


def _scale_into(total: np.ndarray, value: np.ndarray, weight: float, first: bool) -> None:
    """Adds weight · value to a float32 row, or with `first` puts it there, in one pass."""
    from scipy.linalg.blas import saxpy

    flat = np.ascontiguousarray(value).reshape(-1)
    if first:
        np.multiply(flat, np.float32(weight), out=total)
    else:
        saxpy(flat, total, a=weight)


def _add_difference(total: np.ndarray, value: np.ndarray, base: np.ndarray, weight: float) -> None:
    """Adds weight · (value − base), in double precision, with no more than a chunk of it at a time."""
    flat, here, there = total.reshape(-1), value.reshape(-1), base.reshape(-1)
    for at in range(0, flat.size, CHUNK):
        part = slice(at, at + CHUNK)
        apart = np.subtract(here[part], there[part], dtype=np.float64)
        apart *= weight
        flat[part] += apart
