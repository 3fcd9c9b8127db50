"""Images as pictures of 128×128: laid side by side at their own size, not blown up to it.

The encoder is convolutional, so a 32×32 image could be trained on alone; but of its 4×4 cells twelve touch the padding,
of a picture's 16×16 one in four. Blown up to 128, an image costs 16 times as much and shows its 8×8 cells next to
nothing but slopes. Sixteen images side by side cost as much as they do alone, look at the padding as often as spectral
images do, and bring the one shape that is stated in `models.spectral`.

Spectral images are smoother than photographs, and have but the colours of a table. So half of the pictures are parts of
such a mosaic, enlarged two or four times; and a share of them is `painted`: their brightness, darkened as much as
spectral images are dark, drawn in the table's colours. No recording is needed for either.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from models.spectral import RECORDS, PictureForm, paint

DARKEST = 3.0  # power that brightness is raised to at the most; of evenly spread levels half then lie below an eighth


def mosaics(images: NDArray[np.uint8]) -> Tensor:
    """(n, side, side, 3) -> (n / k², 3, 128, 128) float, k = 128 / side; the first images again where n does not fit."""
    side = images.shape[1]
    along = RECORDS // side
    count = -(-len(images) // along**2)
    chosen = torch.from_numpy(images[np.arange(count * along**2) % len(images)])
    grid = chosen.view(count, along, along, side, side, 3).permute(0, 5, 1, 3, 2, 4)
    return grid.reshape(count, 3, RECORDS, RECORDS).float() / 255


def varied(pictures: Tensor, generator: torch.Generator, painted: float) -> Tensor:
    """(n, 3, 128, 128): turned and mirrored at random; of half of them a part, enlarged; this share of them painted."""
    out = []
    for picture in pictures:
        zoom, row, column, mirror, flip, turn, colour, dark = torch.rand(8, generator=generator).tolist()
        if zoom < 0.5:
            part = RECORDS // (2 if zoom < 0.25 else 4)
            top, left = (int(each * (RECORDS - part + 1)) for each in (row, column))
            picture = F.interpolate(
                picture[None, :, top : top + part, left : left + part], size=(RECORDS, RECORDS), mode="bilinear"
            )[0]
        if colour < painted:
            level = picture.mean(dim=0).pow(DARKEST**dark) * 255
            picture = paint(level.round().byte()[None, None], PictureForm("colour"))[0]
        axes = [axis for axis, draw in ((1, flip), (2, mirror)) if draw < 0.5]
        picture = picture.flip(axes) if axes else picture
        out.append(picture.transpose(1, 2) if turn < 0.5 else picture)
    return torch.stack(out)
