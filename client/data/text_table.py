"""Text with separators as columns by name or number: .csv and its kin."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = str | int  # a column's name, or its number counted from 0
MISSING = {"", "na", "nan", "n/a", "null", "none", "-"}


class Unreadable(Exception):
    """A file that is not what its name says, or lacks what it should hold; the text says why."""


@dataclass(frozen=True)
class TextTable:
    """Lines of cells; the first line is a header where one of its cells is no number."""

    names: Sequence[str]  # empty without a header
    delimiter: str | None  # None: white space
    body: str
    width: int

    @classmethod
    def of(cls, text: str) -> TextTable:
        """The table in a text; raises Unreadable where there is nothing in it."""
        if not text.strip():
            raise Unreadable("the file is empty")
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
        try:
            return self.numbers([column])[:, 0]
        except Unreadable:
            cells = [row[place] if place < len(row) else "" for row in self._rows()]
        return np.array(cells)

    def _rows(self) -> list[list[str]]:
        if self.delimiter is None:
            return [line.split() for line in self.body.splitlines() if line.strip()]
        return _split(io.StringIO(self.body), self.delimiter)

    def _place(self, column: Column) -> int:
        if isinstance(column, str):
            if column not in self.names:
                raise Unreadable(f"there is no column {column!r}; " + told(self.names or ["numbers, without a header"]))
            return list(self.names).index(column)
        if not 0 <= column < self.width:
            raise Unreadable(f"there is no column {column}; they count from 0 to {self.width - 1}")
        return column


def _cells(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    return next(iter(_split([line], delimiter)), [])


def _split(lines: Iterable[str], delimiter: str) -> list[list[str]]:
    """The cells of each line that is not blank. Raises Unreadable."""
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    except csv.Error as error:
        raise Unreadable(f"the cells cannot be told apart ({error})") from error
    return [row for row in rows if row and row != [""]]


def _number(cell: str) -> float | None:
    """The cell's number, NaN for a missing one, None for other text."""
    try:
        return float(cell)
    except ValueError:
        return float("nan") if cell.strip().lower() in MISSING else None


def told(names: Sequence[str]) -> str:
    """What there is instead of what was looked for."""
    shown = ", ".join(_printable(name) for name in names[:12]) + (", …" if len(names) > 12 else "")
    return f"there is {shown or 'nothing'}"


def _printable(name: str) -> str:
    """The first letters of a name, also of one that is no text at all."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name[:40])
