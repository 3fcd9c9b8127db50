"""A light network for boards: one 8×8 patch per cell, then two blocks that look at neighbouring cells.

About a tenth of the classic network's work. The blocks are those of ConvNeXt (Liu et al., CVPR 2022) at half their
usual expansion, with a group norm over the whole picture in place of the layer norm: it needs no change of axes.
"""

from torch import Tensor, nn

from models.vqvae.shape import CELL

WIDTH, BLOCKS, EXPANSION, REACH = 96, 2, 2, 7


class DepthwiseBlock(nn.Module):
    """Added to its input: every channel by itself over 7×7 cells, then a small MLP in each cell."""

    def __init__(self, width: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, REACH, padding=REACH // 2, groups=width),
            nn.GroupNorm(1, width),
            nn.Conv2d(width, EXPANSION * width, 1), nn.GELU(),
            nn.Conv2d(EXPANSION * width, width, 1),
        )  # fmt: skip

    def forward(self, cells: Tensor) -> Tensor:
        return cells + self.layers(cells)


class PatchEncoder(nn.Module):
    """(batch, 3, 8 h, 8 w) -> (batch, latent, h, w)."""

    def __init__(self, latent: int, width: int = WIDTH):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, CELL, stride=CELL),
            *(DepthwiseBlock(width) for _ in range(BLOCKS)),
            nn.Conv2d(width, latent, 1),
        )

    def forward(self, picture: Tensor) -> Tensor:
        return self.layers(picture)


class PatchDecoder(nn.Module):
    """(batch, latent, h, w) -> (batch, 3, 8 h, 8 w): the encoder mirrored."""

    def __init__(self, latent: int, width: int = WIDTH):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(latent, width, 1),
            *(DepthwiseBlock(width) for _ in range(BLOCKS)),
            nn.ConvTranspose2d(width, 3, CELL, stride=CELL),
        )

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(latents)
