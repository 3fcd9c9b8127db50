"""Whole numbers from −127 to 127, with a scale for each row of a tensor.

Rounding is to the nearest, of two to the even one, and not by chance: equal seeds then give equal runs on every engine
without a stream of random numbers to keep in step, the error is half as large at most, and what plain rounding would lose
for good is made up for elsewhere (an error that is kept and sent later, the server's own copy in full precision).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from protocol.codecs.codec import coded, part, parts
from protocol.payload import Block, ProtocolError

MOST = 127
LEAST_ROW = 64  # numbers; the scale of a shorter row would weigh more than a sixteenth of it
_LEAST_SCALE = np.finfo(np.float32).tiny  # below it a scale has too few bits to divide by


@dataclass(frozen=True)
class Int8:
    """Off by at most half a row's scale, that is max |row| / 254; a row below 1.5·10⁻³⁶ comes back as zero."""

    name: ClassVar[str] = "int8"

    def encode(self, block: Block, base: Block | None) -> Block:
        """`w|int8` of the tensor's shape and `w|scale` float32 (rows,)."""
        found: Block = {}
        for name, value in block.items():
            if not coded(value):
                found[name] = value
                continue
            whole, scale = to_int8(value.reshape(-1, row_length(value.shape)))
            found |= {part(name, "int8"): whole.reshape(value.shape), part(name, "scale"): scale}
        return found

    def decode(self, block: Block, base: Block | None) -> Block:
        """32-bit tensors; raises ProtocolError for scales that do not fit the rows."""
        found, rest = parts(block, "int8", "scale")
        for name, (whole, scale) in found.items():
            rows = whole.size // row_length(whole.shape) if whole.size else -1
            if whole.dtype != np.int8 or scale.dtype != np.float32 or scale.shape != (rows,):
                raise ProtocolError(f"{name[:60]}: 8-bit numbers of shape {whole.shape} with scales {scale.shape}")
            with np.errstate(invalid="ignore", over="ignore"):  # what is not finite then is refused by its receiver
                rows_back = whole.reshape(rows, -1).astype(np.float32) * scale[:, None]
            rest[name] = rows_back.reshape(whole.shape)
        return rest


def row_length(shape: tuple[int, ...]) -> int:
    """Numbers that share a scale: those of the last axes, as few as make LEAST_ROW, and never of the first of several."""
    length = 1
    for size in reversed(shape[1:] if len(shape) > 1 else shape):
        length *= size
        if length >= LEAST_ROW:
            break
    return length


def to_int8(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, d) as int8 and the scale of each, float32 (n,): 0 for a row of zeros; NaN or infinite where a number is."""
    scale = (np.abs(rows).max(axis=1, initial=0.0) / MOST).astype(np.float32)
    scale = np.where(scale < _LEAST_SCALE, np.float32(0.0), scale)  # NaN stays
    usable = np.isfinite(scale) & (scale > 0)
    divided = np.divide(rows, scale[:, None], out=np.zeros_like(rows), where=usable[:, None])
    return np.clip(np.rint(divided), -MOST, MOST).astype(np.int8), scale
