"""Images of a folder and all below it, read with Pillow and made square."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from client.data.picture_files import read_picture
from configs.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".webp", ".tif", ".tiff")
FEWEST = 20  # of which training, the choice of the best weights and the test still get some


def image_files(folder: Path) -> list[Path]:
    """Files that are named like images, in order of their names."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def read_images(paths: list[Path], side: int) -> tuple[NDArray[np.uint8], list[str]]:
    """(n, side, side, 3): scaled so that the shorter side fits, the middle kept; and the files that could not be read."""
    images, refused = [], []
    for path in paths:
        try:
            picture = Image.fromarray(read_picture(path, bands=3))
        except (OSError, ValueError, SyntaxError):
            refused.append(str(path))
            continue
        images.append(np.asarray(ImageOps.fit(picture, (side, side), Image.Resampling.LANCZOS)))
    return np.stack(images) if images else np.zeros((0, side, side, 3), np.uint8), refused


def split_folder(folder: Path, seed: int) -> tuple[list[Path], list[Path]]:
    """Files for training and for the test: `train/` and `test/` where there are both, else a tenth by chance is tested.

    Raises UserError where there are too few.
    """
    train, test = folder / "train", folder / "test"
    if train.is_dir() and test.is_dir():
        parts = image_files(train), image_files(test)
    else:
        found = image_files(folder)
        order = np.random.default_rng(seed).permutation(len(found))
        tested = len(found) // 10
        parts = [found[n] for n in sorted(order[tested:])], [found[n] for n in sorted(order[:tested])]
    if len(parts[0]) < FEWEST or not parts[1]:
        raise UserError(
            f"{len(parts[0])} images to train on and {len(parts[1])} to test on",
            where=str(folder),
            expected=f"{FEWEST} images or more ({', '.join(SUFFIXES)}), or the batches of CIFAR-10",
            todo="leave --images out to train on pictures made here",
        )
    return parts
