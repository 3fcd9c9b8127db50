"""The classifier in the form that a board runs: on grids of so few cells that every layer is a small matrix.

PyTorch takes longer to begin a convolution than to compute one on 4 cells. Here cells lie in rows, (batch, cell, channel):
a 1×1 convolution is a linear layer, and a depthwise one a matrix over the cells of each channel. `MobileNetV3Small` is
the plain twin; the two agree within rounding.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.inference import folded_norms
from models.latent_fusion.head import LatentFusion
from models.latent_fusion.mobilenet import Bottleneck, MobileNetV3Small, SqueezeExcite


class CellBottleneck(nn.Module):
    """A bottleneck whose norms are folded, on a grid of `side` cells to a side: (batch, cell, channel) -> the same."""

    mix: Tensor
    shift: Tensor

    def __init__(self, plain: Bottleneck, side: int):
        super().__init__()
        layers = list(plain.layers)
        depthwise = 2 if len([each for each in layers if isinstance(each, nn.Conv2d)]) == 3 else 0
        between = cast(nn.Conv2d, layers[depthwise])
        self.wide = linear(cast(nn.Conv2d, layers[0])) if depthwise else None
        self.activation = layers[depthwise + 1]
        self.excite = next((each for each in layers if isinstance(each, SqueezeExcite)), None)
        self.narrow = linear(cast(nn.Conv2d, layers[-1]))
        self.added = plain.added
        self.register_buffer("mix", cell_matrix(between, side))  # (cell out, cell in, channel)
        self.register_buffer("shift", cast(Tensor, between.bias).detach().clone())

    def forward(self, cells: Tensor) -> Tensor:
        wide = cells if self.wide is None else self.activation(self.wide(cells))
        mixed = self.activation((self.mix * wide[:, None]).sum(dim=2) + self.shift)
        if self.excite is not None:
            within = F.relu(self.excite.squeeze(mixed.mean(dim=1)))
            mixed = mixed * F.hardsigmoid(self.excite.excite(within))[:, None]
        narrow = self.narrow(mixed)
        return cells + narrow if self.added else narrow


class OnCells(nn.Module):
    """MobileNetV3-small with folded norms, for grids of `side` cells: (batch, bands, side, side) -> (batch, class)."""

    def __init__(self, plain: MobileNetV3Small, side: int):
        super().__init__()
        stem, swish, *blocks, last, _ = plain.features
        if not isinstance(stem, nn.Conv2d):
            raise ValueError("norms that look at each sample cannot be folded")
        self.stem, self.swish = stem, swish
        side = -(-side // stem.stride[0])
        made = []
        for block in blocks:
            assert isinstance(block, Bottleneck)
            made.append(CellBottleneck(block, side))
            side = round(len(made[-1].mix) ** 0.5)
        self.blocks = nn.Sequential(*made)
        self.last, self.classes = linear(cast(nn.Conv2d, last)), plain.classes

    def forward(self, grid: Tensor) -> Tensor:
        cells = self.swish(self.stem(grid)).flatten(2).transpose(1, 2)  # (batch, cell, channel)
        return self.classes(self.swish(self.last(self.blocks(cells))).mean(dim=1))


def linear(pointwise: nn.Conv2d) -> nn.Linear:
    """A 1×1 convolution as a linear layer over cells in rows."""
    made = nn.Linear(pointwise.in_channels, pointwise.out_channels)
    made.weight = nn.Parameter(pointwise.weight.detach()[:, :, 0, 0].clone(), requires_grad=False)
    made.bias = nn.Parameter(cast(Tensor, pointwise.bias).detach().clone(), requires_grad=False)
    return made


@torch.no_grad()
def cell_matrix(depthwise: nn.Conv2d, side: int) -> Tensor:
    """What each cell gives to each: (cell out, cell in, channel), of a depthwise convolution without its bias."""
    cells = side * side
    each = torch.eye(cells).view(cells, 1, side, side).expand(cells, depthwise.in_channels, side, side)
    given = F.conv2d(
        each, depthwise.weight, None, depthwise.stride, depthwise.padding, groups=depthwise.groups
    )  # (cell in, channel, side out, side out)
    return given.flatten(2).permute(2, 0, 1).contiguous()


def for_board(head: LatentFusion) -> LatentFusion:
    """A copy of the head to be run and not trained: batch norms folded, the classifier on cells.

    Where its norms look at each sample by itself, they stay, and so does the classifier.
    """
    whole = folded_norms(head)
    plain = whole.classifier
    if isinstance(plain, MobileNetV3Small) and isinstance(plain.features[0], nn.Conv2d):
        whole.classifier = OnCells(plain, whole.side)
    return whole
