"""What every codec is, and how the parts of a tensor are named."""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np

from protocol.payload import Block, ProtocolError

_MARK = "|"


class Codec(Protocol):
    """A pair of pure functions; `name` is its name in configurations and messages."""

    name: ClassVar[str]

    def encode(self, block: Block, base: Block | None) -> Block:
        """The block in the codec's form; `base`, where there is one, is what the receiver has of it already."""

    def decode(self, block: Block, base: Block | None) -> Block:
        """The block again, as near as the codec brings it; raises ProtocolError for another form."""


def coded(array: np.ndarray) -> bool:
    """Whether codecs touch it: 32-bit floats along at least one axis."""
    return array.dtype == np.float32 and array.ndim > 0 and array.size > 0


def part(tensor: str, what: str) -> str:
    """The name of one part of a tensor's coded form."""
    return f"{tensor}{_MARK}{what}"


def parts(block: Block, first: str, *others: str) -> tuple[dict[str, tuple[np.ndarray, ...]], Block]:
    """By tensor its parts in the order asked for, and whatever of the block has no part `first`.

    Raises ProtocolError where one of the other parts is missing.
    """
    found: dict[str, tuple[np.ndarray, ...]] = {}
    rest = dict(block)
    for name in block:
        tensor, mark, what = name.rpartition(_MARK)
        if mark and what == first:
            names = [part(tensor, each) for each in (first, *others)]
            if missing := [each for each in names if each not in rest]:
                raise ProtocolError(f"{tensor[:60]}: {missing[0].rpartition(_MARK)[2]} is missing")
            found[tensor] = tuple(rest.pop(each) for each in names)
    if twice := set(found) & set(rest):
        raise ProtocolError(f"{min(twice)[:60]}: comes in two forms")
    return found, rest
