"""How pictures, cells and rows of vectors hang together."""

from torch import Tensor

from models.spectral.shape import RECORDS

CELL = 8  # pixels of a cell's side: three strides of two, or one patch
GRID = RECORDS // CELL  # 16 cells to a side


def rows_of(cells: Tensor) -> Tensor:
    """(batch, number, height, width) -> (batch · height · width, number)."""
    return cells.movedim(1, -1).flatten(0, 2)


def cells_of(rows: Tensor, like: Tensor) -> Tensor:
    """The way back, to the batch, height and width of `like` (batch, …, height, width)."""
    return rows.view(like.shape[0], like.shape[-2], like.shape[-1], rows.shape[-1]).movedim(-1, 1)
