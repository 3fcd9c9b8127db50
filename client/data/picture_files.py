"""Pictures as loaders meet them: files read with Pillow, made smaller, and a size that options choose.

A depth picture holds 0 where the camera saw nothing. Such pixels take no part when pictures are made smaller; a pixel
of the small picture that nothing was seen of stays 0.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from client.data.cards import OptionCard

Pictures = NDArray[np.float32]
MOST_PIXELS = 50_000_000  # a file that claims more is not read: it would fill the memory of a small board


def size_options(height: int, width: int) -> dict[str, OptionCard]:
    """The options `height` and `width` that a loader makes its pictures small by."""
    return {
        "height": OptionCard(height, (), "rows of pixels that pictures are made small to while loading"),
        "width": OptionCard(width, (), "columns of pixels, likewise"),
    }


def read_picture(path: Path, bands: int) -> NDArray[Any]:
    """(height, width) for one band, (height, width, 3) for three; 16-bit values stay as they are.

    Raises ValueError or OSError where the file is no picture of so many bands, SyntaxError for some broken ones.
    """
    with Image.open(path) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            raise ValueError(f"{picture.width} × {picture.height} pixels are too many")
        if bands == 3:
            return np.asarray(picture.convert("RGB"))
        if len(picture.getbands()) > 1:
            raise ValueError(f"the picture has {len(picture.getbands())} bands, not one")
        return np.asarray(picture)


def smaller(pictures: NDArray[Any], height: int, width: int, *, unseen: bool = False) -> Pictures:
    """(…, height', width') -> (…, height, width): each new pixel the mean of those it covers.

    unseen  zeros are pixels of which nothing is known, and are left out of the means
    """
    rows, columns = _cover(pictures.shape[-2], height), _cover(pictures.shape[-1], width)
    values = rows @ pictures.astype(np.float32) @ columns.T
    if not unseen:
        return np.asarray(values / (rows.sum(1)[:, None] * columns.sum(1)), dtype=np.float32)
    seen = rows @ (pictures != 0).astype(np.float32) @ columns.T
    return np.asarray(values / np.maximum(seen, 1.0), dtype=np.float32)


def _cover(pixels: int, parts: int) -> NDArray[np.float32]:
    """1 where a part covers a pixel, (part, pixel); neighbouring parts share the pixels on their border."""
    part, pixel = np.arange(parts)[:, None], np.arange(pixels)
    first, after = part * pixels // parts, -((part + 1) * pixels // -parts)
    return ((pixel >= first) & (pixel < after)).astype(np.float32)


def layout_of(options: Mapping[str, Any], bands: int) -> tuple[int, int, int]:
    """(height, width, bands) by the options of `size_options`."""
    return int(options["height"]), int(options["width"]), bands
