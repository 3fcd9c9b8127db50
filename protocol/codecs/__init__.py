"""What can be done to a block's 32-bit numbers before they travel, each codec a file of its own, by name.

A codec turns a block (tensor name -> array) into another and back. It touches arrays of 32-bit floats alone; whatever else
a block holds (handles, counts, flags, other precisions) passes as it is, and so do arrays without a number and single
numbers without an axis. What a codec makes of tensor `w` is named `w|part`, so that codecs of a list can follow each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from protocol.codecs.bf16 import Bf16
from protocol.codecs.codec import Codec
from protocol.codecs.delta import Delta
from protocol.codecs.float16 import Float16
from protocol.codecs.int8 import Int8
from protocol.codecs.top_k import TopK
from protocol.payload import Block, ProtocolError

CODECS: Mapping[str, type[Codec]] = {kind.name: kind for kind in (Delta, TopK, Float16, Bf16, Int8)}
BASED = (Delta.name, TopK.name)  # of no use to a receiver that has nothing yet

__all__ = ["BASED", "CODECS", "Codec", "codecs_of", "decoded", "encoded", "named"]


def codecs_of(names: Sequence[str], top_k_share: float) -> tuple[Codec, ...]:
    """The codecs of a configuration's list, in its order."""
    made: dict[str, Callable[[], Codec]] = {**CODECS, TopK.name: partial(TopK, top_k_share)}
    return tuple(made[name]() for name in names)


def named(names: Sequence[str]) -> tuple[Codec, ...]:
    """The codecs that a message names, for undoing; raises ProtocolError for a name that is unknown here."""
    for name in names:
        if name not in CODECS:
            raise ProtocolError(f"unknown codec {str(name)[:40]!r}; known here: {', '.join(CODECS)}")
    return tuple(CODECS[name]() for name in names)


def encoded(block: Block, codecs: Sequence[Codec], base: Block | None = None) -> Block:
    """The block after every codec of the list, in order; `base` is what the receiver has of it already."""
    for codec in codecs:
        block = codec.encode(block, base)
    return block


def decoded(block: Block, codecs: Sequence[Codec], base: Block | None = None) -> Block:
    """The block as the list came by it, undone in reverse; raises ProtocolError for what the codecs did not make."""
    for codec in reversed(codecs):
        block = codec.decode(block, base)
    return block
