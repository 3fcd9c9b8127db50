"""IEEE half precision: 11 bits of each number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from protocol.codecs.codec import coded, part, parts
from protocol.payload import Block, ProtocolError


@dataclass(frozen=True)
class Float16:
    """To the nearest, of two to the even one: off by at most max(2⁻¹¹ |x|, 2⁻²⁵); beyond 65,519 infinite."""

    name: ClassVar[str] = "float16"

    def encode(self, block: Block, base: Block | None) -> Block:
        """`w|float16` of the tensor's shape."""
        with np.errstate(over="ignore"):  # the receiver refuses infinity
            return {
                part(n, self.name) if coded(v) else n: v.astype(np.float16) if coded(v) else v for n, v in block.items()
            }

    def decode(self, block: Block, base: Block | None) -> Block:
        """32-bit tensors."""
        found, rest = parts(block, self.name)
        for name, (value,) in found.items():
            if value.dtype != np.float16:
                raise ProtocolError(f"{name[:60]}: half precision in {value.dtype}")
            rest[name] = value.astype(np.float32)
        return rest
