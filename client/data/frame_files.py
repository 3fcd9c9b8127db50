"""Signals whose frames come in a file each."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from client.data.corrupt import CorruptPolicy


def numbered(folder: Path, pattern: str) -> dict[int, Path]:
    """Number -> file of the folder whose whole name fits the pattern with the number as its group, in rising order."""
    if not folder.is_dir():
        return {}
    fits = re.compile(pattern)
    found = {int(match[1]): path for path in folder.iterdir() if (match := fits.fullmatch(path.name))}
    return dict(sorted(found.items()))


def stacked(
    files: Iterable[Path | None], channels: int, read: Callable[[Path], NDArray[Any]], policy: CorruptPolicy
) -> NDArray[np.float32] | None:
    """A row per file, (time, channel); a frame without a file, an empty file and one that cannot be read are gaps.

    The last of them are counted. None where there is no file at all, or none of them can be read.
    """
    paths = list(files)
    values = np.full((len(paths), channels), np.nan, dtype=np.float32)
    seen = False
    for row, path in enumerate(paths):
        if path is None or path.stat().st_size == 0:
            continue
        try:
            values[row] = np.asarray(read(path), dtype=np.float32).reshape(-1)
            seen = True
        except Exception as error:  # a broken file makes its reader raise whatever its bytes lead it to
            policy.refuse(path, f"the frame cannot be read ({type(error).__name__}: {error})")
    return values if seen else None
