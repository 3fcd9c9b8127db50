"""One file as named columns, whatever its format: text with separators, .npz, .mat or .parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from client.data.own.description import ARRAYS, TABLES, Column
from configs.errors import UserError

MISSING = {"", "na", "nan", "n/a", "null", "none", "-"}


class Unreadable(Exception):
    """A file that is not what its name says, or lacks what dataset.yaml promises; the text says why."""


class Table(Protocol):
    """A file that was read."""

    def numbers(self, columns: Sequence[Column]) -> NDArray[np.float64]:
        """These columns as (time, column); a cell without a number is NaN. Raises Unreadable for other text."""

    def values(self, column: Column) -> NDArray[Any]:
        """One column as it is, numbers or text, (time,)."""


def read_table(path: Path) -> Table:
    """The file's columns. Raises Unreadable for a broken file, UserError where a package for its format is missing."""
    suffix = path.suffix.lower()
    try:
        if suffix in ARRAYS:
            return Arrays(npz_arrays(path) if suffix == ".npz" else mat_arrays(path))
        if suffix in TABLES:
            return Arrays(parquet_columns(path))
        return TextTable.of(path.read_text(encoding="utf-8-sig"))
    except UserError:
        raise
    except Exception as error:  # a broken file makes the readers raise whatever its bytes lead them to
        raise Unreadable(f"the file cannot be read as {suffix} ({type(error).__name__}: {error})") from error


@dataclass(frozen=True)
class TextTable:
    """Lines of cells; the first line is a header where one of its cells is no number."""

    names: list[str]  # empty without a header
    delimiter: str | None  # None: white space
    body: str
    width: int

    @classmethod
    def of(cls, text: str) -> TextTable:
        first, _, rest = text.lstrip("\n").partition("\n")
        found = max(",;\t", key=first.count)
        delimiter = found if found in first else None
        cells = _cells(first, delimiter)
        header = any(_number(cell) is None for cell in cells)
        return cls(cells if header else [], delimiter, rest if header else text, len(cells))

    def numbers(self, columns: Sequence[Column]) -> NDArray[np.float64]:
        places = [self._place(column) for column in columns]
        if not self.body.strip():
            return np.zeros((0, len(places)))
        try:
            return np.loadtxt(
                io.StringIO(self.body), delimiter=self.delimiter, usecols=places, ndmin=2, comments=None, quotechar='"'
            )
        except ValueError:
            return self._numbers_with_gaps(columns, places)

    def _numbers_with_gaps(self, columns: Sequence[Column], places: Sequence[int]) -> NDArray[np.float64]:
        """The slow way, which knows cells that are empty and rows that are too short."""
        rows = self._rows()
        table = np.empty((len(rows), len(places)))
        for row, cells in enumerate(rows):
            for at, place in enumerate(places):
                number = _number(cells[place]) if place < len(cells) else float("nan")
                if number is None:
                    raise Unreadable(f"row {row + 1}, column {columns[at]}: {cells[place]!r} is no number")
                table[row, at] = number
        return table

    def values(self, column: Column) -> NDArray[Any]:
        place = self._place(column)
        cells = [row[place].strip() if place < len(row) else "" for row in self._rows()]
        numbers = [_number(cell) for cell in cells]
        return np.array(numbers if None not in numbers else cells)

    def _rows(self) -> list[list[str]]:
        return [_cells(line, self.delimiter) for line in self.body.splitlines() if line.strip()]

    def _place(self, column: Column) -> int:
        if isinstance(column, str):
            if column not in self.names:
                raise Unreadable(
                    f"there is no column {column!r}; " + _there(self.names or ["numbers, without a header"])
                )
            return self.names.index(column)
        if not 0 <= column < self.width:
            raise Unreadable(f"there is no column {column}; they count from 0 to {self.width - 1}")
        return column


@dataclass(frozen=True)
class Arrays:
    """Arrays by name."""

    arrays: Mapping[str, Any]

    def numbers(self, columns: Sequence[Column]) -> NDArray[np.float64]:
        parts = [_real(self.values(column), str(column)) for column in columns]
        if len({len(part) for part in parts}) > 1:
            raise Unreadable(
                "columns of unequal length: " + ", ".join(f"{c} {len(p)}" for c, p in zip(columns, parts, strict=True))
            )
        return np.stack(parts, axis=-1)

    def values(self, column: Column) -> NDArray[Any]:
        array = np.squeeze(self.array(str(column)))
        if array.ndim > 1:
            raise Unreadable(f"{column} has shape {array.shape} (expected one value per record)")
        return np.array([str(each).strip() for each in array.ravel()]) if array.dtype.kind in "OUS" else array.ravel()

    def array(self, key: str) -> NDArray[Any]:
        """The array of this name; a.b is the field b of a."""
        found: Any = self.arrays.get(key)
        if found is None:
            found = self.arrays
            for part in key.split("."):
                found = found.get(part) if isinstance(found, Mapping) else None
        if found is None:
            raise Unreadable(f"there is no {key!r}; " + _there(list(self.arrays)))
        return np.asarray(found)

    def matrix(self, key: str) -> NDArray[np.float64]:
        """The array of this name as (time, channel)."""
        array = _real(self.array(key), key)
        if array.ndim not in (1, 2):
            raise Unreadable(f"{key} has shape {array.shape} (expected (time, channel))")
        return array[:, None] if array.ndim == 1 else array


def npz_arrays(path: Path) -> Mapping[str, Any]:
    """The arrays of a .npz file; pickled ones are refused."""
    with np.load(path, allow_pickle=False) as content:
        return {name: content[name] for name in content.files}


def mat_arrays(path: Path) -> Mapping[str, Any]:
    """The variables of a .mat file up to version 7.2, structures as mappings."""
    try:
        content = loadmat(path, simplify_cells=True)
    except NotImplementedError as error:
        raise Unreadable("the file is a .mat of version 7.3; save it with -v7") from error
    return {name: value for name, value in content.items() if not name.startswith("__")}


def parquet_columns(path: Path) -> Mapping[str, Any]:
    """The columns of a .parquet file. Raises UserError where pyarrow, which reads them, is not installed."""
    if find_spec("pyarrow") is None:
        raise UserError(
            "Parquet files are read by the package pyarrow, which is not installed",
            where=str(path),
            todo="pip install pyarrow, or save the files as .csv or .npz",
        )
    from pyarrow.parquet import read_table as read_parquet

    table = read_parquet(path)
    return {name: table.column(name).to_numpy() for name in table.column_names}


def _cells(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]


def _number(cell: str) -> float | None:
    """The cell's number, NaN for a missing one, None for other text."""
    try:
        return float(cell)
    except ValueError:
        return float("nan") if cell.strip().lower() in MISSING else None


def _real(array: NDArray[Any], name: str) -> NDArray[np.float64]:
    if array.dtype.kind in "OUS":
        try:
            return np.asarray(array, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise Unreadable(f"{name} holds no numbers") from error
    if array.dtype.kind not in "fiub":
        raise Unreadable(f"{name} holds no real numbers")
    return np.asarray(array, dtype=np.float64)


def _there(names: Sequence[str]) -> str:
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"there is {shown or 'nothing'}"
