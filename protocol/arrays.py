"""Arrays in Flower's form and back: the bytes of `numpy.save`, made and read without its per-call cost.

A message of a few small tensors spends more time on headers than on numbers. Headers of one type and shape are made and
parsed once; the slow twin is numpy's own `save` and `load`, which also takes whatever looks unusual.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO
from math import prod
from typing import Any, TypeVar

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict

_STYPE = "numpy.ndarray"  # Flower's name for the form
_START = b"\x93NUMPY\x01\x00"  # format version 1.0: two bytes of the header's length follow
Filled = TypeVar("Filled", ArrayRecord, ConfigRecord, MetricRecord, RecordDict)
_MOST_HEADER = 1_024  # bytes; a longer one is numpy's business


def packed(array: np.ndarray) -> Array:
    """The array in Flower's form, to the byte what `Array(array)` gives of it in C order."""
    value = np.asarray(array, order="C")
    header = _header(value.dtype, value.shape)
    if header is None:
        return Array(value)
    return plainly(_named(value.dtype), value.shape, _STYPE, b"".join((header, value.data if value.size else b"")))


class Held(Array):
    """An array in Flower's form whose bytes are made when somebody asks for them.

    For nodes that live in the process that asks them: what is never sent need not be packed. To be had of it are the very
    numbers, not to be written to, or the bytes that `packed` would give.
    """

    value: np.ndarray

    @property
    def data(self) -> bytes:  # type: ignore[override]
        """The bytes of the form."""
        return bytes(packed(self.value).data)

    @property
    def size(self) -> int:
        """How many these are."""
        header = _header(self.value.dtype, self.value.shape)
        return len(self.data) if header is None else len(header) + self.value.nbytes


def held(array: np.ndarray) -> Held:
    """The array in Flower's form as it lies there; whoever gives it leaves it as it is from now on."""
    value = np.asarray(array, order="C").view()
    value.flags.writeable = False
    form = Held.__new__(Held)
    form.__dict__.update(dtype=_named(value.dtype), shape=value.shape, stype=_STYPE, value=value, _is_dirty=True)
    return form


def size_of(value: Array) -> int:
    """Bytes of the array as it travels."""
    return value.size if isinstance(value, Held) else len(value.data)


def unpacked(value: Array) -> np.ndarray:
    """The array, a writable copy; raises what numpy raises for bytes that are no array, or that would need unpickling.

    `value.data` may be any buffer of bytes, such as memory that another process shares. Of one that is `held` the array
    itself, which cannot be written to.
    """
    if isinstance(value, Held):
        return value.value
    data = memoryview(value.data)
    if value.stype == _STYPE and len(data) > 10 and bytes(data[:8]) == _START:
        length = 10 + struct.unpack("<H", data[8:10])[0]
        told = _parsed(bytes(data[:length])) if 10 < length <= min(_MOST_HEADER, len(data)) else None
        if told is not None:
            dtype, shape = told
            count = prod(shape)
            if len(data) - length == count * dtype.itemsize:
                return np.frombuffer(data, dtype, count, length).reshape(shape).copy()
    if not isinstance(value.data, bytes):
        value = Array(value.dtype, value.shape, value.stype, bytes(data))
    return value.numpy()


def plainly(dtype: str, shape: tuple[int, ...], stype: str, data: Any) -> Array:
    """An Array of these very values; Flower's constructor would look at each, and refuse memory that is shared."""
    array = Array.__new__(Array)
    array.__dict__.update(dtype=dtype, shape=shape, stype=stype, data=data, _is_dirty=True)
    return array


def filled(record: Filled, values: Mapping[str, Any]) -> Filled:
    """The record with these values, whose types the caller vouches for; Flower's own way takes 6 µs a value."""
    record.__dict__["_data"].update(values)
    return record


@lru_cache(maxsize=64)
def _named(dtype: np.dtype) -> str:
    """Flower's name of a type, which numpy takes 10 µs to spell."""
    return str(dtype)


@lru_cache(maxsize=4_096)
def _header(dtype: np.dtype, shape: tuple[int, ...]) -> bytes | None:
    """What `numpy.save` writes before the numbers; None for types that it would not write so."""
    if dtype.hasobject or dtype.names is not None or dtype.kind not in "fiub":
        return None
    stream = BytesIO()
    np.save(stream, np.empty(shape, dtype) if prod(shape) == 0 else np.broadcast_to(np.zeros((), dtype), shape))
    whole = stream.getvalue()
    length = 10 + struct.unpack("<H", whole[8:10])[0]
    return whole[:length] if whole.startswith(_START) and b"'fortran_order': False" in whole[:length] else None


@lru_cache(maxsize=4_096)
def _parsed(header: bytes) -> tuple[np.dtype, tuple[int, ...]] | None:
    """Type and shape of a plain array in C order; None for anything else, and for a header that cannot be read."""
    stream = BytesIO(header)
    try:
        np.lib.format.read_magic(stream)
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    except ValueError:
        return None
    plain = dtype.kind in "fiub" and not dtype.hasobject and dtype.itemsize > 0
    return (dtype, shape) if plain and not fortran and all(size >= 0 for size in shape) else None
