"""Differences to what the receiver has already: small numbers, which coarse codecs behind this one round finely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from protocol.codecs.codec import coded
from protocol.payload import Block, ProtocolError


@dataclass(frozen=True)
class Delta:
    """value − base and back, in 32 bits: off by at most 2⁻²⁴ (|difference| + |value|)."""

    name: ClassVar[str] = "delta"

    def encode(self, block: Block, base: Block | None) -> Block:
        """Differences; raises ProtocolError where the base has other tensors."""
        _check(block, base)
        return {name: value - base[name] if coded(value) else value for name, value in block.items()}  # type: ignore[index]

    def decode(self, block: Block, base: Block | None) -> Block:
        """Values; raises ProtocolError where the base has other tensors."""
        _check(block, base)
        return {name: value + base[name] if coded(value) else value for name, value in block.items()}  # type: ignore[index]


def fits(block: Block, base: Block | None) -> bool:
    """Whether differences can be taken: the same tensors, of the same shapes and types."""
    return base is not None and {n: (v.shape, v.dtype) for n, v in block.items()} == {
        n: (v.shape, v.dtype) for n, v in base.items()
    }


def added(block: Block, other: Block, sign: int = 1) -> Block:
    """The sum of two blocks of one form, or their difference, where codecs touch them; else the first."""
    return {n: np.add(v, sign * other[n], dtype=np.float32) if coded(v) else v for n, v in block.items()}


def _check(block: Block, base: Block | None) -> None:
    if base is None:
        raise ProtocolError("a difference to weights that are not here")
    if not fits(block, base):
        raise ProtocolError("a difference to weights of other names, shapes or types")
