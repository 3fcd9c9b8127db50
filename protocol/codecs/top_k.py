"""The numbers of a tensor that are largest by magnitude, and where they stand; the others are zero.

What is left out is not lost where the sender keeps it and adds it to the next message (`protocol.wire.encode_owing`).
Places travel as gaps between them, a byte each; a gap of 255 or more takes a byte for every 255.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import ClassVar

import numpy as np

from protocol.codecs.codec import coded, part, parts
from protocol.payload import Block, ProtocolError

_FULL = 255


@dataclass(frozen=True)
class TopK:
    """`share` of each tensor's numbers, rounded up; a tensor of which that is all stays whole."""

    share: float = 0.1
    name: ClassVar[str] = "top_k"

    def encode(self, block: Block, base: Block | None) -> Block:
        """`w|kept` (k,) float32 in the tensor's order and `w|gaps` uint8."""
        found: Block = {}
        for name, value in block.items():
            count = ceil(self.share * value.size)
            if not coded(value) or count >= value.size:
                found[name] = value
                continue
            flat = value.reshape(-1)
            places = largest(flat, count)
            found |= {part(name, "kept"): flat[places], part(name, "gaps"): gaps_of(places)}
        return found

    def decode(self, block: Block, base: Block | None) -> Block:
        """Tensors of the base's shapes; raises ProtocolError without a base, and for places that do not fit it."""
        found, rest = parts(block, "kept", "gaps")
        for name, (kept, gaps) in found.items():
            if base is None or name not in base:
                raise ProtocolError(f"{name[:60]}: a part of a tensor that is not here")
            if kept.dtype != np.float32 or kept.ndim != 1 or gaps.dtype != np.uint8 or gaps.ndim != 1:
                raise ProtocolError(f"{name[:60]}: kept numbers and gaps of other types or shapes")
            places, shape = places_of(gaps), base[name].shape
            whole = np.zeros(base[name].size, dtype=np.float32)
            if len(places) != len(kept) or (len(places) and places[-1] >= len(whole)):
                raise ProtocolError(f"{name[:60]}: kept numbers do not fit a tensor of shape {shape}")
            whole[places] = kept
            rest[name] = whole.reshape(shape)
        return rest


def largest(values: np.ndarray, count: int) -> np.ndarray:
    """Places of the `count` largest by magnitude, rising; of equals the first ones. NaN counts as largest."""
    size = np.where(np.isnan(values), np.inf, np.abs(values))  # (n,)
    least = np.partition(size, len(size) - count)[len(size) - count]
    kept = size > least
    kept[np.flatnonzero(size == least)[: count - np.count_nonzero(kept)]] = True
    return np.flatnonzero(kept)


def gaps_of(places: np.ndarray) -> np.ndarray:
    """How many numbers lie before each rising place since the one before, as bytes."""
    gaps = np.diff(places, prepend=-1) - 1
    full = gaps // _FULL
    found = np.full(len(gaps) + int(full.sum()), _FULL, dtype=np.uint8)
    found[np.cumsum(full + 1) - 1] = gaps % _FULL
    return found


def places_of(gaps: np.ndarray) -> np.ndarray:
    """The rising places again; bytes of 255 at the end lead to none."""
    ends = gaps < _FULL
    return np.cumsum(gaps.astype(np.int64))[ends] + np.arange(int(ends.sum()))
