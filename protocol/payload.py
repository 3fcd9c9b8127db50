"""What one message carries: named blocks of arrays, a little JSON, a few numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict

from protocol.arrays import filled, packed, unpacked

Block = dict[str, np.ndarray]  # tensor name -> array

_ARRAYS, _INFO, _METRICS = "arrays:", "info", "metrics"


class ProtocolError(Exception):
    """A message that does not keep to the protocol; its text names the fault and never quotes array content."""


@dataclass(frozen=True)
class Payload:
    """The content of a message.

    blocks   block name (`encoder.gyroscope`, `embeddings.accelerometer`, …) -> tensor name -> array
    info     JSON values
    metrics  name -> float
    """

    blocks: Mapping[str, Block] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    def to_records(self, done: dict[int, tuple[np.ndarray, Array]] | None = None) -> RecordDict:
        """The Flower form.

        done  arrays that are in Flower's form already, by identity, and are added to: messages of one round share most
        """

        def as_flower(value: np.ndarray) -> Array:
            if done is None:
                return packed(value)
            if id(value) not in done:
                done[id(value)] = (value, packed(value))  # who is kept here keeps its identity
            return done[id(value)][1]

        records: dict[str, ArrayRecord | ConfigRecord | MetricRecord] = {
            _ARRAYS + name: filled(ArrayRecord(), {str(key): as_flower(value) for key, value in block.items()})
            for name, block in self.blocks.items()
        }
        if self.info:
            records[_INFO] = filled(ConfigRecord(), {"json": json.dumps(self.info, sort_keys=True)})
        if self.metrics:
            records[_METRICS] = filled(MetricRecord(), {str(k): float(v) for k, v in self.metrics.items()})
        return filled(RecordDict(), records)

    @classmethod
    def from_records(cls, records: RecordDict) -> Payload:
        """Back from the Flower form; raises ProtocolError for records of another make."""
        blocks: dict[str, Block] = {}
        info: Mapping[str, Any] = {}
        metrics: dict[str, float] = {}
        for name, record in records.items():
            if name.startswith(_ARRAYS) and isinstance(record, ArrayRecord):
                blocks[name.removeprefix(_ARRAYS)] = {key: _array(name, key, value) for key, value in record.items()}
            elif name == _INFO and isinstance(record, ConfigRecord):
                try:
                    info = json.loads(cast(str, record["json"]))
                except (KeyError, TypeError, ValueError, RecursionError) as error:
                    raise ProtocolError("the message's info is not JSON") from error
                if not isinstance(info, dict):
                    raise ProtocolError("the message's info is not a JSON object")
            elif name == _METRICS and isinstance(record, MetricRecord):
                try:
                    metrics = {key: float(cast(float, value)) for key, value in record.items()}
                except (TypeError, OverflowError) as error:
                    raise ProtocolError("the message's numbers are not one number each") from error
            else:
                raise ProtocolError(f"unknown record {name[:60]!r} in a message")
        return cls(blocks, info, metrics)


def _array(record: str, key: str, value: Array) -> np.ndarray:
    """One array; never unpickled, and without a copy of its shape or type taken on trust."""
    try:
        array = unpacked(value)
    except Exception as error:
        raise ProtocolError(f"{record[:60]}/{key[:60]}: not a plain array") from error
    if array.dtype.kind not in "fiub":
        raise ProtocolError(f"{record[:60]}/{key[:60]}: arrays of type {array.dtype} do not travel")
    return array


def count_bytes(records: RecordDict) -> int:
    """Bytes of a message's content as it travels: arrays with their headers, JSON, numbers, names."""
    return sum(bytes_by_record(records).values())


def bytes_by_record(records: RecordDict) -> dict[str, int]:
    """The same by record, its name included: what Flower's `count_bytes` says, in one pass over its arrays."""
    return {name: len(name) + _bytes_of(record) for name, record in records.items()}


def _bytes_of(record: ArrayRecord | ConfigRecord | MetricRecord) -> int:
    if isinstance(record, ArrayRecord):
        return sum(len(key) + len(array.data) for key, array in record.items())
    return record.count_bytes()


def bytes_by_modality(records: RecordDict) -> dict[str, int]:
    """Bytes per modality, of a message's records."""
    return by_modality(bytes_by_record(records))


def by_block(sizes: Mapping[str, int]) -> dict[str, int]:
    """Bytes per block, of bytes by record; JSON values under `info`, numbers under `metrics`."""
    return {name.removeprefix(_ARRAYS): size for name, size in sizes.items()}


def by_modality(sizes: Mapping[str, int]) -> dict[str, int]:
    """Bytes per modality, of bytes by record: a block's name after its first dot, or `shared` where it has none.

    What travels beside a block of weights (`control.encoder.ecg`) is of that block's modality.
    """
    counted: dict[str, int] = {}
    for name, size in sizes.items():
        modality = (
            name.removeprefix(_ARRAYS).removeprefix("control.").partition(".")[2] if name.startswith(_ARRAYS) else ""
        )
        counted[modality or "shared"] = counted.get(modality or "shared", 0) + size
    return counted
