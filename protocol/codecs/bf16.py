"""bfloat16: the upper half of a 32-bit float, its whole range with 8 bits of each number; as uint16, numpy having no such type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from protocol.codecs.codec import coded, part, parts
from protocol.payload import Block, ProtocolError

_QUIET_NAN = np.uint16(0x7FC0)


@dataclass(frozen=True)
class Bf16:
    """To the nearest, of two to the even one: off by at most 2⁻⁸ |x| (2⁻¹³⁴ below the normal numbers)."""

    name: ClassVar[str] = "bf16"

    def encode(self, block: Block, base: Block | None) -> Block:
        """`w|bf16` uint16 of the tensor's shape."""
        return {part(n, self.name) if coded(v) else n: upper_half(v) if coded(v) else v for n, v in block.items()}

    def decode(self, block: Block, base: Block | None) -> Block:
        """32-bit tensors."""
        found, rest = parts(block, self.name)
        for name, (value,) in found.items():
            if value.dtype != np.uint16:
                raise ProtocolError(f"{name[:60]}: bfloat16 in {value.dtype}")
            rest[name] = (value.astype(np.uint32) << 16).view(np.float32)
        return rest


def upper_half(values: np.ndarray) -> np.ndarray:
    """The nearest bfloat16 of each float32, as uint16; infinities stay, NaN stays NaN."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> 16) & np.uint32(1))) >> 16
    return np.where(np.isnan(values), _QUIET_NAN, rounded.astype(np.uint16))
