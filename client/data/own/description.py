"""dataset.yaml as one frozen value, checked whole before any recording is read; docs/data.md tells of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from client.data.cards import Kind
from client.data.own.pattern import fields_in
from client.data.own.words import by_path, column, one_word, renaming, values
from configs.section import Section

TEXT, ARRAYS, TABLES = (".csv", ".tsv", ".txt", ".dat"), (".npz", ".mat"), (".parquet",)
TimeUnit = Literal["s", "ms", "us", "ns", "iso"]
Rate = Annotated[float, Field(gt=0.0)]


Column = Annotated[str | int, BeforeValidator(column)]
Columns = Annotated[tuple[Column, ...], BeforeValidator(one_word)]


class _Source(Section):
    """Where values lie and how often they come; what is left out is taken from the top of dataset.yaml."""

    files: str | None = None
    rate_hz: Rate | None = None
    time: Column | None = None  # the column or key with a time for each record; without one, records are evenly spaced
    time_unit: TimeUnit | None = None

    @field_validator("files")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is not None:
            if "subject" not in fields_in(value):
                raise ValueError(f"{value!r} has no {{subject}}: every recording belongs to somebody")
            if PurePosixPath(value).suffix.lower() not in TEXT + ARRAYS + TABLES:
                raise ValueError(f"{value!r} does not end in one of {', '.join(TEXT + ARRAYS + TABLES)}")
            if value.startswith("/") or ".." in PurePosixPath(value).parts:
                raise ValueError(f"{value!r} leads out of the folder")
        return value


class ModalityDescription(_Source):
    """One sensor."""

    kind: Kind
    unit: str = "1"
    key: str | None = None  # an array (time, channel) of a .npz or .mat file; a.b is the field b of a
    columns: Columns = ()  # of a table; in a .npz or .mat file, one array each; with `key`, columns of it
    axes: Annotated[
        tuple[str, ...], BeforeValidator(one_word)
    ] = ()  # names of the channels; needed where `columns` does not tell how many there are
    transposed: bool = False  # the array is (channel, time)

    @property
    def channels(self) -> int:
        return len(self.columns or self.axes)


class LabelDescription(_Source):
    """The label: a part of the path, a row of a table for the whole folder, or a column that changes with time."""

    path: str | None = None
    table: str | None = None
    column: Column | None = None
    ignore: Annotated[tuple[str, ...], BeforeValidator(values)] = ()  # values that are no class, such as 0


class Description(_Source):
    """All of dataset.yaml. `files`, `rate_hz`, `time` and `time_unit` here hold for every modality without its own."""

    title: str
    citation: str = ""
    terms: str = ""
    simulated: bool = False
    modalities: Annotated[dict[str, ModalityDescription], Field(min_length=1)]
    label: Annotated[LabelDescription, BeforeValidator(by_path)]
    classes: Annotated[dict[str, str] | None, BeforeValidator(renaming)] = None  # value of the label -> plain words

    @property
    def sources(self) -> dict[str, str]:
        """Modality -> pattern of its files."""
        return {name: each.files or self.files or "" for name, each in self.modalities.items()}

    def rate_of(self, modality: str) -> float:
        return self.modalities[modality].rate_hz or self.rate_hz or 0.0

    def time_of(self, source: ModalityDescription | LabelDescription) -> tuple[Column | None, TimeUnit]:
        """The time column and its unit."""
        return self.time if source.time is None else source.time, source.time_unit or self.time_unit or "s"

    @property
    def label_files(self) -> str:
        """Pattern of the files with the label's column; empty where the label is none of a file's columns."""
        if self.label.column is None or self.label.table is not None:
            return ""
        return self.label.files or self.files or next(iter(self.sources.values()))

    @property
    def beside_label(self) -> list[str]:
        """The modalities that lie in the same files as the label's column."""
        return [name for name, pattern in self.sources.items() if pattern == self.label_files]

    @property
    def label_rate_hz(self) -> float | None:
        """Records of the label's column per second, where it has no time column."""
        return self.label.rate_hz or next((self.rate_of(name) for name in self.beside_label), self.rate_hz)

    @property
    def label_time(self) -> tuple[Column | None, TimeUnit]:
        """The label's time column and its unit: its own, or that of the modalities beside it."""
        beside = next((self.modalities[name] for name in self.beside_label), None)
        own = self.time_of(self.label)
        return own if own[0] is not None or beside is None else self.time_of(beside)

    @model_validator(mode="after")
    def _parts_fit(self) -> Description:
        faults = [*_modality_faults(self), *_label_faults(self)]
        if faults:
            raise ValueError("\n".join(faults))
        return self


def _modality_faults(description: Description) -> Iterator[str]:
    """What no single field can know: one line each, beginning with the key path."""
    joined: dict[str, tuple[str, set[str]]] = {}
    for name, each in description.modalities.items():
        where, pattern = f"modalities.{name}", description.sources[name]
        if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
            yield f"{where}: a modality's name has letters, digits and _ alone"
        if not pattern:
            yield f"{where}.files: missing, and there is no `files` for all modalities either"
            continue
        if not description.rate_of(name):
            yield f"{where}.rate_hz: missing, and there is no `rate_hz` for all modalities either"
        if not each.channels:
            yield f"{where}: neither `columns` nor `axes` tells how many channels it has"
        if each.columns and each.axes and len(each.columns) != len(each.axes):
            yield f"{where}.axes: {len(each.axes)} names for {len(each.columns)} columns"
        arrays = PurePosixPath(pattern).suffix.lower() in ARRAYS
        if each.key is not None and not arrays:
            yield f"{where}.key: is for {' and '.join(ARRAYS)} files; {pattern!r} needs `columns`"
        if each.key is None and not each.columns:
            yield f"{where}: `columns` is missing" + (", or the `key` of an array" if arrays else "")
        if arrays and any(isinstance(column, int) for column in each.columns) and each.key is None:
            yield f"{where}.columns: numbers are columns of an array; its `key` is missing"
        if arrays and each.key is not None and any(isinstance(column, str) for column in each.columns):
            yield f"{where}.columns: columns of the array {each.key!r} have numbers, no names"
        joined[where] = (pattern, set(fields_in(pattern)))
    if description.label_files and description.label.files:
        joined["label"] = (description.label_files, set(fields_in(description.label_files)))
    for where, (pattern, fields) in joined.items():
        first, (other, wanted) = next(iter(joined.items()))
        if fields != wanted:
            yield f"{where}.files: {pattern!r} has other parts than {other!r} of {first}; recordings are joined by them"


def _label_faults(description: Description) -> Iterator[str]:
    label, patterns = description.label, [each for each in description.sources.values() if each]
    ways = {"path": label.path, "table": label.table, "column": label.column}
    given = [way for way, value in ways.items() if value is not None]
    if given not in (["path"], ["table", "column"], ["column"]):
        yield "label: give `path`, or `table` with `column`, or `column` alone (with `files`, if it has its own files)"
        return
    if label.path is not None and patterns and label.path not in fields_in(patterns[0]):
        yield f"label.path: {label.path!r} is no part of {patterns[0]!r} ({', '.join(fields_in(patterns[0]))})"
    if given == ["column"]:
        beside = description.beside_label
        if description.classes is None:
            yield "classes: missing; a label that changes within a file has its values named here"
        if not label.files and not description.files and len(set(patterns)) > 1:
            yield "label.files: missing; the modalities have different files, and the label's column is in one of them"
        rates = {description.rate_of(name) for name in beside}
        timed = description.label_time[0] is not None
        if not timed and label.rate_hz is None and (len(rates) > 1 or description.label_rate_hz is None):
            yield "label.rate_hz: missing; neither `time` nor one rate tells when a label holds"
        if len({description.time_of(description.modalities[name]) for name in beside}) > 1 and label.time is None:
            yield "label.time: missing; the modalities beside the label have different times"
    elif label.files or label.time is not None or label.rate_hz:
        yield "label: `files`, `time` and `rate_hz` go with a `column` that changes within a file"
    if description.classes is not None:
        if len(set(description.classes.values())) < 2:
            yield "classes: fewer than two"
        for value in label.ignore:
            if value in description.classes:
                yield f"label.ignore: {value!r} is one of the classes as well"
