"""One file as named columns, whatever its format: text with separators, .npz, .mat or .parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from client.data.own.description import ARRAYS, TABLES
from client.data.text_table import Column, TextTable, Unreadable, told
from configs.errors import UserError


class Table(Protocol):
    """A file that was read."""

    @property
    def names(self) -> Sequence[str]:
        """The columns' names; none where they have none."""

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
        content = path.read_bytes()
        try:
            return TextTable.of(content.decode("utf-8-sig"))
        except UnicodeDecodeError:  # the ² of a header, as spreadsheets of western Europe write it
            return TextTable.of(content.decode("cp1252"))
    except UserError:
        raise
    except Exception as error:  # a broken file makes the readers raise whatever its bytes lead them to
        raise Unreadable(f"the file cannot be read as {suffix} ({type(error).__name__}: {error})") from error


@dataclass(frozen=True)
class Arrays:
    """Arrays by name."""

    arrays: Mapping[str, Any]

    @property
    def names(self) -> Sequence[str]:
        return list(self.arrays)

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
            raise Unreadable(f"there is no {key!r}; " + told(list(self.arrays)))
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
    from scipy.io import loadmat

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


def _real(array: NDArray[Any], name: str) -> NDArray[np.float64]:
    if array.dtype.kind in "OUS":
        try:
            return np.asarray(array, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise Unreadable(f"{name} holds no numbers") from error
    if array.dtype.kind not in "fiub":
        raise Unreadable(f"{name} holds no real numbers")
    return np.asarray(array, dtype=np.float64)
