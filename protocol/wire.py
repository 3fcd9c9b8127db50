"""A block's way over the wire: a list of codecs, what it makes put into one run of bytes, and all of it back.

What travels says by itself how it was made, so a receiver needs no settings: a short head names the codecs and the arrays,
the arrays' bytes follow without a header each. Nothing is unpickled, and nothing larger is made than the head's codecs can
make of as many bytes or the receiver holds already.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from protocol.codecs import BASED, Codec, decoded, encoded, named
from protocol.codecs.delta import Delta, added, fits
from protocol.payload import Block, ProtocolError

TENSOR = "wire"  # the one array of a block in this form
_START = b"FBW1"
_MOST_HEAD = 1 << 20  # bytes of a head as text
_MOST_CODECS = 8
_DTYPES = {"f4", "f2", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "b1"}  # as numpy writes them, little end first
_WEIGHTS = ("encoder.", "projection.", "autoencoder.", "generator.", "head.", "decoder.")
_EMBEDDINGS = ("embeddings.", "targets.")


@dataclass(frozen=True)
class Known:
    """Weights that both sides hold, under the name that the server gave them."""

    name: str
    block: Block


def is_weights(block: str) -> bool:
    """Whether a block of this name is a network's weights."""
    return block.startswith(_WEIGHTS)


def is_embeddings(block: str) -> bool:
    """Whether a block of this name holds embeddings."""
    return block.startswith(_EMBEDDINGS)


def is_packed(block: Block) -> bool:
    """Whether a block came in the form that `pack` makes."""
    return set(block) == {TENSOR}


def encode(block: Block, codecs: Sequence[Codec], base: Block | None = None, of: str = "", gives: str = "") -> Block:
    """The block as it travels; without a base it goes whole, past the codecs that need one.

    of     under what name the receiver holds the base; empty: it knows which by itself
    gives  under what name it shall keep what it decodes; empty: not at all

    Left as it is where no codec remains.
    """
    used = codecs if fits(block, base) else [codec for codec in codecs if codec.name not in BASED]
    if not used and not gives:
        return block
    return pack(encoded(block, used, base), used, of if len(used) and used[0].name in BASED else "", gives)


def encode_owing(
    block: Block, codecs: Sequence[Codec], base: Block | None, owed: Block | None
) -> tuple[Block, Block | None]:
    """The block as it travels, its difference to the base made larger by what is owed; and what is owed now.

    Owed is what earlier messages should have carried and did not: what was sent so far and what is owed add up to the sum
    of all differences (error feedback: Seide et al., Interspeech 2014; Stich et al., NeurIPS 2018). None where the list
    takes no difference, or the block is none to take it of.
    """
    if not codecs or codecs[0].name != Delta.name or not fits(block, base):
        return encode(block, codecs, base), None
    wanted = codecs[0].encode(block, base)
    if owed is not None and fits(owed, wanted):
        wanted = added(wanted, owed)
    rest = codecs[1:]
    sent = encoded(wanted, rest, base)
    return pack(sent, codecs), added(wanted, decoded(sent, rest, base), -1)


def named_only(of: str) -> Block:
    """In place of a block that the receiver holds under this name, and that has not changed."""
    return pack({}, (), of, of)


def pack(block: Block, codecs: Sequence[Codec], of: str = "", gives: str = "") -> Block:
    """One array of bytes: the head, and the arrays one after another."""
    arrays = [(name, np.ascontiguousarray(value)) for name, value in block.items()]
    told = [[name, a.dtype.str[1:], list(block[name].shape)] for name, a in arrays]  # a number becomes an axis above
    names: dict[str, Any] = {"codecs": [codec.name for codec in codecs], "arrays": told}
    names |= {key: value for key, value in (("of", of), ("gives", gives)) if value}
    head = zlib.compress(json.dumps(names, separators=(",", ":")).encode(), 9)
    little = (a.astype(a.dtype.newbyteorder("<"), copy=False).tobytes() for _, a in arrays)
    return {TENSOR: np.frombuffer(b"".join([_START, len(head).to_bytes(4, "little"), head, *little]), dtype=np.uint8)}


def decode(name: str, packed: Block, base: Block | None = None, held: Known | None = None) -> tuple[Block, str]:
    """The block, and the name under which it is to be kept ("": not at all).

    base  what differences are of, where the message does not name it
    held  what the receiver keeps of the block, for messages that name it

    Raises ProtocolError, in one line with the block's name, for bytes that cannot be read, unknown codecs, sizes that do
    not fit, and differences to what is not held.
    """
    try:
        head, arrays = _unpacked(packed[TENSOR])
        of, gives = str(head.get("of", "")), str(head.get("gives", ""))
        if of:
            if held is None or held.name != of:
                raise ProtocolError(
                    "a difference to weights that are not held here; the next message brings them whole"
                )
            base = held.block
        if of and not head["codecs"] and not arrays:
            return dict(held.block), gives  # type: ignore[union-attr]
        return decoded(arrays, named(head["codecs"]), base), gives
    except ProtocolError as error:
        raise ProtocolError(f"{name[:60]}: {error}") from error


def _unpacked(data: np.ndarray) -> tuple[Mapping[str, Any], Block]:
    """The head and the arrays; raises ProtocolError for other bytes."""
    if data.dtype != np.uint8 or data.ndim != 1 or data[:4].tobytes() != _START or len(data) < 8:
        raise ProtocolError("not a coded block")
    raw = data.tobytes()
    start = 8 + int.from_bytes(raw[4:8], "little")
    try:
        reading = zlib.decompressobj()
        text = reading.decompress(raw[8:start], _MOST_HEAD)
        head = json.loads(text)
        codecs, told = head["codecs"], [(str(n), str(kind), tuple(shape)) for n, kind, shape in head["arrays"]]
    except (zlib.error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ProtocolError("the head of a coded block cannot be read") from error
    whole = all(type(size) is int and size >= 0 for _, _, shape in told for size in shape)
    if not (isinstance(codecs, list) and len(codecs) <= _MOST_CODECS and whole and {k for _, k, _ in told} <= _DTYPES):
        raise ProtocolError("the head of a coded block names other things than codecs and arrays")
    if start + sum(prod(shape) * int(kind[1:]) for _, kind, shape in told) != len(raw):
        raise ProtocolError("a coded block's bytes are not as many as its head says")
    if len({n for n, _, _ in told}) != len(told) or any(len(shape) > 8 for _, _, shape in told):
        raise ProtocolError("a coded block names an array twice, or one of too many axes")
    arrays: Block = {}
    for n, kind, shape in told:
        value = np.frombuffer(raw, f"<{kind}", prod(shape), start).reshape(shape)
        arrays[n] = value.astype(value.dtype.newbyteorder("="))  # a copy that may be written to
        start += value.nbytes
    return head, arrays
