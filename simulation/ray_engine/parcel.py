"""Messages as plain tuples and buffers: what several messages share is taken off once, numbers are never pickled.

Buffers are numpy arrays of bytes, which Ray puts into shared memory with one copy and reads there with none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Error, Message, MetricRecord, RecordDict
from flwr.app.message import make_message
from flwr.app.metadata import Metadata

from protocol.arrays import filled, plainly

Parcel = tuple[dict[str, Any], tuple[int, str | None] | None, list[tuple[str, str, Any]]]
"""Metadata; error; records as (name, kind, values), an array as (key, type, shape, form, number of its buffer)."""

SHARED, OWN = 0, 1  # whether a buffer lies among those that messages share
Where = tuple[int, int]


class Shared:
    """Buffers that more than one message of a round holds, told by content."""

    def __init__(self, messages: Sequence[Message]):
        count: dict[bytes, int] = {}
        for message in messages:
            for data in {array.data for array in _arrays(message)}:
                count[data] = count.get(data, 0) + 1
        self.number = {data: at for at, data in enumerate(data for data, times in count.items() if times > 1)}

    @property
    def buffers(self) -> list[np.ndarray]:
        """One array of bytes each."""
        return [as_buffer(data) for data in self.number]


def packed(messages: Sequence[Message], shared: Shared | None = None) -> tuple[list[Parcel], list[np.ndarray]]:
    """The messages, and the buffers that are theirs alone."""
    own: list[np.ndarray] = []

    def place(data: bytes) -> Where:
        if shared is not None and data in shared.number:
            return SHARED, shared.number[data]
        own.append(as_buffer(data))
        return OWN, len(own) - 1

    return [_packed(message, place) for message in messages], own


def unpacked(parcel: Parcel, shared: Sequence[Any], own: Sequence[Any]) -> Message:
    """The message; `shared` and `own` hold what an Array keeps as its data: bytes, or memory that nobody writes to."""
    metadata, error, records = parcel
    of_message = Metadata.__new__(Metadata)
    of_message.__dict__.update(metadata)
    if error is not None:
        return make_message(of_message, error=Error(*error))
    content: dict[str, ArrayRecord | ConfigRecord | MetricRecord] = {}
    for name, kind, values in records:
        if kind == "arrays":
            arrays = {
                key: plainly(dtype, shape, form, (own if where == OWN else shared)[at])
                for key, dtype, shape, form, (where, at) in values
            }
            content[name] = filled(ArrayRecord(), arrays)
        else:
            content[name] = filled(ConfigRecord(), values) if kind == "config" else filled(MetricRecord(), values)
    return make_message(of_message, content=filled(RecordDict(), content))


def as_buffer(data: Any) -> np.ndarray:
    """The same bytes as an array, without a copy."""
    return np.frombuffer(data, dtype=np.uint8) if len(data) else np.empty(0, np.uint8)


def _packed(message: Message, place: Any) -> Parcel:
    if message.has_error():
        return dict(message.metadata.__dict__), (message.error.code, message.error.reason), []
    records: list[tuple[str, str, Any]] = []
    for name, record in message.content.items():
        if isinstance(record, ArrayRecord):
            arrays = [(key, a.dtype, a.shape, a.stype, place(a.data)) for key, a in record.items()]
            records.append((name, "arrays", arrays))
        else:
            records.append((name, "config" if isinstance(record, ConfigRecord) else "metrics", dict(record)))
    return dict(message.metadata.__dict__), None, records


def _arrays(message: Message) -> list[Array]:
    if message.has_error():
        return []
    return [a for record in message.content.values() if isinstance(record, ArrayRecord) for a in record.values()]
