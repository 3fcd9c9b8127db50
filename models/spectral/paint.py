"""From columns of levels to the three bands that an encoder takes."""

from functools import lru_cache

import torch
from torch import Tensor

from models.spectral.form import LEVELS, PictureForm
from models.spectral.shape import BANDS

# Red, green, blue at equal steps of the level. Brightness rises all the way, so that no two levels share a colour and
# a picture seen in grey keeps its order; the hues between spread the levels over more of the three bands than grey does.
ANCHORS = ((0.0, 0.0, 0.0), (0.22, 0.05, 0.75), (0.88, 0.18, 0.42), (1.0, 0.72, 0.08), (1.0, 1.0, 1.0))


def paint(columns: Tensor, form: PictureForm) -> Tensor:
    """(batch, form.planes, height, width) uint8 -> (batch, BANDS, height, width) float32 between 0 and 1.

    The memory's order is (batch, height, width, band), which convolutions on a CPU read fastest.
    """
    if columns.dtype != torch.uint8 or columns.ndim != 4 or columns.shape[1] != form.planes:
        raise ValueError(f"expected (batch, {form.planes}, height, width) uint8, got {tuple(columns.shape)}")
    if form.name == "magnitude_phase":
        return (columns.float() / (LEVELS - 1)).contiguous(memory_format=torch.channels_last)
    batch, _, height, width = columns.shape
    table = colours() if form.name == "colour" else greys()
    painted = table.to(columns.device).index_select(0, columns.flatten().int())  # (batch · height · width, band)
    return painted.view(batch, height, width, BANDS).permute(0, 3, 1, 2)


@lru_cache(maxsize=1)
def colours() -> Tensor:
    """The table of colours, (LEVELS, BANDS): straight lines between the anchors."""
    anchors = torch.tensor(ANCHORS, dtype=torch.float64)
    place = torch.linspace(0, len(anchors) - 1, LEVELS, dtype=torch.float64)
    left = place.floor().long().clamp(max=len(anchors) - 2)
    share = (place - left)[:, None]
    return (anchors[left] * (1 - share) + anchors[left + 1] * share).float()


@lru_cache(maxsize=1)
def greys() -> Tensor:
    """The same for one band, repeated."""
    return torch.linspace(0, 1, LEVELS)[:, None].repeat(1, BANDS)
