"""CIFAR-10 (Krizhevsky 2009) in its original files, the binary or the Python version."""

import pickle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from client.data.restricted_pickle import read_plain_pickle
from configs.errors import UserError

SIDE = 32
PIXELS = 3 * SIDE * SIDE
FOLDERS = ("cifar-10-batches-bin", "cifar-10-batches-py")
TRAIN, TEST = "data_batch_", "test_batch"


def home_of(folder: Path) -> Path | None:
    """The folder that holds the batches: this one or a child of it by its published name; None where neither does."""
    places = [folder, *(folder / name for name in FOLDERS)]
    return next((place for place in places if place.is_dir() and _batches(place, TRAIN)), None)


def read_cifar10(home: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Training and test images, (n, 32, 32, 3) each; UserError for a file that is not as published."""
    parts = [[read_batch(path) for path in _batches(home, name)] for name in (TRAIN, TEST)]
    if not parts[1]:
        raise UserError("CIFAR-10 without its test batch", where=str(home), expected="test_batch or test_batch.bin")
    train, test = (np.concatenate(each) for each in parts)
    return train, test


def read_batch(path: Path) -> NDArray[np.uint8]:
    """(n, 32, 32, 3). A record is one byte of label and three planes of pixels; the Python version is a pickle."""
    if path.suffix == ".bin":
        content = np.fromfile(path, dtype=np.uint8)
        if not content.size or content.size % (PIXELS + 1):
            raise _refused(path, f"{content.size} bytes are no whole number of records of {PIXELS + 1}")
        planes = content.reshape(-1, PIXELS + 1)[:, 1:]
    else:
        try:
            held = read_plain_pickle(path)
        except pickle.UnpicklingError as error:
            raise _refused(path, str(error)) from error
        rows = held.get("data") if isinstance(held, dict) else None
        if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8 or rows.shape[1:] != (PIXELS,) or not len(rows):
            raise _refused(path, "no `data` of bytes, a row of 3072 for each image")
        planes = rows
    return np.ascontiguousarray(planes.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))


def _batches(place: Path, name: str) -> list[Path]:
    return sorted(path for path in place.glob(f"{name}*") if path.is_file() and path.suffix in ("", ".bin"))


def _refused(path: Path, why: str) -> UserError:
    return UserError(
        f"not a batch of CIFAR-10: {why}",
        where=str(path),
        expected="the files of https://www.cs.toronto.edu/~kriz/cifar.html, binary or Python version",
    )
