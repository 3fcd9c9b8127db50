"""The images of one training: which to learn from, which choose the best weights, which are tested."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.errors import UserError
from configs.nodes import derived_seed
from models.spectral import RECORDS
from simulation.pretrain.images.cifar10 import SIDE, home_of, read_cifar10
from simulation.pretrain.images.folder import FEWEST, read_images, split_folder
from simulation.pretrain.images.made import made_images

SIDES = (32, 64, 128)  # of which whole rows fill a picture
MADE = 4000
HELD_SHARE, MOST_HELD = 0.05, 512  # of the training images, to choose the best weights by


@dataclass(frozen=True)
class Images:
    """Square images, (n, side, side, 3) uint8. `made`: by rule and not by a camera."""

    name: str
    train: NDArray[np.uint8]
    held: NDArray[np.uint8]
    test: NDArray[np.uint8]
    made: bool = False
    refused: list[str] = field(default_factory=list)  # files that could not be read

    @property
    def side(self) -> int:
        """Pixels of an image's side."""
        return int(self.train.shape[1])

    @property
    def a_picture(self) -> int:
        """How many of them fill a picture of 128×128."""
        return (RECORDS // self.side) ** 2

    @property
    def digest(self) -> str:
        """SHA-256 of all pixels, by which an interrupted training knows them again."""
        found = hashlib.sha256()
        for part in (self.train, self.held, self.test):
            found.update(repr(part.shape).encode())
            found.update(np.ascontiguousarray(part).tobytes())
        return found.hexdigest()


def find_images(place: Path | None, side: int, seed: int, most: int | None = None) -> Images:
    """Images of CIFAR-10's batches or a folder, or made ones where no place is named.

    side  what images of a folder are scaled to, and made ones made at; CIFAR-10 keeps its 32
    most  so many at most to train on
    Raises UserError for a place, a side or a file that will not do.
    """
    if side not in SIDES:
        raise UserError(f"side {side}", where="--side", expected=" or ".join(map(str, SIDES)))
    if most is not None and most < FEWEST:
        raise UserError(f"{most} images", where="--most", expected=f"{FEWEST} or more")
    generator = np.random.default_rng(derived_seed(seed, "images"))
    if place is None:
        count = most or MADE
        train, test = made_images(count, side, generator), made_images(max(count // 10, 1), side, generator)
        return _held_back("made by rule (dead leaves)", train, test, generator, most, made=True)
    place = place.expanduser()
    if not place.is_dir():
        raise UserError("there is no such folder", where=str(place), expected="a folder of images, or CIFAR-10")
    home = home_of(place)
    if home is not None:
        if side != SIDE:
            raise UserError(f"side {side}", where="--side", expected=f"{SIDE}, as CIFAR-10's images are")
        return _held_back("CIFAR-10, original files", *read_cifar10(home), generator, most)
    files = split_folder(place, derived_seed(seed, "split"))
    if most is not None:
        chosen = generator.permutation(len(files[0]))[:most]
        files = [files[0][n] for n in sorted(chosen)], files[1]
    (train, first), (test, second) = (read_images(each, side) for each in files)
    if len(train) < FEWEST or not len(test):
        raise UserError(f"{len(first) + len(second)} files are no readable images", where=str(place), expected=first[0])
    return _held_back(f"folder {place.name}", train, test, generator, most, refused=first + second)


def _held_back(
    name: str,
    train: NDArray[np.uint8],
    test: NDArray[np.uint8],
    generator: np.random.Generator,
    most: int | None,
    made: bool = False,
    refused: list[str] | None = None,
) -> Images:
    order = generator.permutation(len(train))[:most]
    held = max(1, min(int(len(order) * HELD_SHARE), MOST_HELD))
    return Images(name, train[order[held:]], train[order[:held]], test, made, refused or [])
