"""Pictures over time, or one picture alone: colour, depth, infrared, segmentation."""

import math

import torch
from torch import Tensor, nn

from models.encoders.steps import STEPS, FrameByFrame, group_norm, pooling_matrix, strided

GRID = (2, 2)  # how coarsely a frame of a sequence keeps where things are
ALONE = (2, STEPS // 2)  # the same for a picture alone: its eight cells, row by row, are its eight steps


class ImageEncoder(FrameByFrame):
    """A small convolutional net per frame, then time. One frame alone has no time: its steps are places instead.

    A single picture pooled to one vector would give eight equal steps, seven of them without information, while
    the projection and the head flatten the steps and can tell places apart. So its last feature map is pooled to
    2 × 4 cells, read row by row.
    """

    def __init__(self, layout: tuple[int, ...], frames: int, width: int, feature: int):
        if len(layout) != 3 or min(layout) < 1:
            raise ValueError(f"an image needs the layout (height, width, bands), got {layout}")
        super().__init__(math.prod(layout), frames)
        self.size = layout
        height, breadth, bands = layout
        left = 6 if frames > 1 else 12  # pixels of the last feature map; a picture alone keeps more of its places
        depth = min(5, max(2, math.ceil(math.log2(max(height, breadth) / left))))
        layers: list[nn.Module] = []
        incoming = bands
        for layer in range(depth):
            outgoing = max(8, width >> (depth - 1 - layer))
            layers += [nn.Conv2d(incoming, outgoing, 3, stride=2, padding=1), group_norm(outgoing), nn.GELU()]
            incoming, height, breadth = outgoing, strided(height, 3, 2), strided(breadth, 3, 2)
        self.convolutions = nn.Sequential(*layers)
        rows, columns = GRID if frames > 1 else ALONE
        self.register_buffer("rows", pooling_matrix(height, rows), persistent=False)  # (row, height)
        self.register_buffer("columns", pooling_matrix(breadth, columns), persistent=False)  # (column, width)
        if frames > 1:
            self.place = nn.Linear(incoming * rows * columns, width)
            self.follow_in_time(width, feature)
        else:
            self.end_in_steps(STEPS, incoming, feature)

    def cells(self, frame: Tensor) -> Tensor:
        """(n, channel) -> (n, width, cell), the cells row by row."""
        picture = frame.view(-1, *self.size).permute(0, 3, 1, 2)  # (n, band, height, width)
        features = self.convolutions(picture)
        return (self.rows @ features @ self.columns.T).flatten(2)

    def frame_vectors(self, frame: Tensor) -> Tensor:
        return torch.nn.functional.gelu(self.place(self.cells(frame).flatten(1)))

    def forward(self, window: Tensor) -> Tensor:
        if self.frames > 1:
            return super().forward(window)
        return self.steps(self.cells(self.checked(window)[:, 0].contiguous()))
