"""From the files of one recording to signals on one clock, and, where its label changes, to stretches of one label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from client.data.cards import DatasetCard
from client.data.corrupt import CorruptPolicy
from client.data.own.description import Description, TimeUnit
from client.data.own.tables import Arrays, Table, read_table
from client.data.own.words import text_of
from client.data.recording import Signal
from client.data.regular import on_grid, one_clock
from client.data.stretches import runs
from client.data.text_table import Column, Unreadable

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


@dataclass(frozen=True)
class Stretch:
    """The time a label's value holds, counted as the time stamps do (or from the start of the recording)."""

    start_s: float
    stop_s: float
    value: str


class Files:
    """The files of one recording, each read once; what cannot be read is told to the policy, once."""

    def __init__(self, files: Mapping[str, Path], policy: CorruptPolicy) -> None:
        self._files, self._policy = files, policy
        self._tables: dict[Path, Table | None] = {}

    def path(self, pattern: str) -> Path | None:
        """The recording's file of this pattern, if there is one."""
        return self._files.get(pattern)

    def table(self, path: Path) -> Table | None:
        """What is in the file; None, and counted, where it cannot be read."""
        if path not in self._tables:
            try:
                self._tables[path] = read_table(path)
            except Unreadable as error:
                self._tables[path] = None
                self._policy.refuse(path, str(error))
        return self._tables[path]


def signals_of(
    description: Description, card: DatasetCard, wanted: Sequence[str], files: Files, policy: CorruptPolicy
) -> tuple[dict[str, Signal], float]:
    """The wanted modalities that can be read, and the time in seconds at which they all begin.

    Signals with time stamps are brought onto a regular grid that begins at the first stamp of any; the others begin
    there as well, so that time 0 is the same moment in every signal.
    """
    raw: dict[str, tuple[NDArray[np.float64] | None, Signal, Path]] = {}
    for modality in wanted:
        path = files.path(description.sources[modality])
        table = files.table(path) if path is not None else None
        if path is None or table is None:
            continue
        where = f"{path} {modality}"
        try:
            values = matrix(description, modality, table)
            column, unit = description.time_of(description.modalities[modality])
            times_s = None if column is None else seconds(table, column, unit)
        except Unreadable as error:
            policy.refuse(where, str(error))
            continue
        signal = policy.signal(values, card.modalities[modality], where)
        if signal is None:
            continue
        if times_s is not None and (len(times_s) != len(signal.values) or not np.isfinite(times_s).any()):
            policy.refuse(where, f"{len(times_s)} times for {len(signal.values)} records, or none that is a time")
            continue
        raw[modality] = times_s, signal, path
    timed = {each: times_s for each, (times_s, _, _) in raw.items() if times_s is not None}
    spans = {each: (float(np.nanmin(times_s)), float(np.nanmax(times_s))) for each, times_s in timed.items()}
    start_s, off = one_clock(spans)
    signals = {}
    for modality, (times_s, signal, path) in raw.items():
        if times_s is not None:
            try:
                if modality in off:
                    raise ValueError("its times lie beside those of the recording's other signals")
                values64, stop_s = signal.values.astype(np.float64), spans[modality][1]
                gridded = on_grid(times_s, values64, signal.rate_hz, start_s, stop_s)
            except ValueError as error:
                policy.refuse(f"{path} {modality}", str(error))
                continue
            signal = Signal(gridded, signal.rate_hz)
        signals[modality] = signal
    return signals, start_s


def matrix(description: Description, modality: str, table: Table) -> NDArray[np.float64]:
    """The modality's values (time, channel) in this file. Raises Unreadable."""
    each = description.modalities[modality]
    if each.key is None or not isinstance(table, Arrays):
        return table.numbers(each.columns)
    values = table.matrix(each.key)
    values = values.T if each.transposed else values
    places = [column for column in each.columns if isinstance(column, int)]
    if places and max(places) >= values.shape[1]:
        raise Unreadable(f"{each.key} has {values.shape[1]} columns, and column {max(places)} is asked for (from 0)")
    return values[:, places] if places else values


def seconds(table: Table, column: Column, unit: TimeUnit) -> NDArray[np.float64]:
    """The time stamps in seconds, (time,), NaN where there is none. Raises Unreadable."""
    values = table.values(column)
    if unit == "iso" or values.dtype.kind == "M":
        try:
            dates = np.char.rstrip(values.astype(str), "Z").astype("datetime64[ns]")  # numpy knows no time zones
            return np.where(np.isnat(dates), np.nan, dates.astype(np.int64) / 1e9)
        except ValueError as error:
            raise Unreadable(f"{column} holds no date and time ({error})") from error
    try:
        times_s = np.asarray(values, dtype=np.float64) * SECONDS[unit]
        return np.where(np.isfinite(times_s), times_s, np.nan)
    except (TypeError, ValueError) as error:
        raise Unreadable(f"{column} holds no times in {unit}") from error


def stretches_of(description: Description, files: Files, start_s: float, policy: CorruptPolicy) -> list[Stretch]:
    """Each unbroken stretch of one value of the label's column; empty, and counted, where it cannot be read.

    Without time stamps the label begins with the signals, at `start_s`.
    """
    path = files.path(description.label_files)
    table = files.table(path) if path is not None else None
    if table is None or path is None:
        if path is None:
            policy.refuse(str(description.label_files), "a recording has no file with its label")
        return []
    assert description.label.column is not None
    try:
        values = table.values(description.label.column)
        column, unit = description.label_time
        times_s = None if column is None else seconds(table, column, unit)
        if times_s is not None and len(times_s) != len(values):
            raise Unreadable(f"{len(times_s)} times for {len(values)} labels")
    except Unreadable as error:
        policy.refuse(path, str(error))
        return []
    if times_s is None:
        rate_hz = description.label_rate_hz or 1.0
        edges = start_s + np.arange(len(values) + 1) / rate_hz
    else:
        order = np.argsort(times_s, kind="stable")[: int(np.isfinite(times_s).sum())]  # NaN is sorted last
        values, times_s = values[order], times_s[order]
        step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.0
        edges = np.append(times_s, times_s[-1:] + step_s)
    distinct, code = np.unique(values, return_inverse=True)
    names = [text_of(each) for each in distinct.tolist()]
    return [Stretch(float(edges[start]), float(edges[stop]), names[code[start]]) for start, stop in runs(code)]
