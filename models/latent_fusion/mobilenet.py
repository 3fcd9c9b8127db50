"""MobileNetV3-small (Howard et al., ICCV 2019, table 2): inverted bottlenecks, squeeze-excite, hard-swish.

The table ticks squeeze-excite at the last 1×1 convolution too; with it there the network would have 2.71 million
parameters, without it 2.54, and the paper's table 3 says 2.5. It is left out.
"""

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

# size of kernel, expansion, outgoing channels, squeeze-excite, hard-swish (else ReLU), stride
TABLE = (
    (3, 16, 16, True, False, 2), (3, 72, 24, False, False, 2), (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2), (5, 240, 40, True, True, 1), (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1), (5, 144, 48, True, True, 1),
    (5, 288, 96, True, True, 2), (5, 576, 96, True, True, 1), (5, 576, 96, True, True, 1),
)  # fmt: skip
STEM, LAST, HIDDEN = 16, 576, 1024
STRIDES = (2, *(row[-1] for row in TABLE))  # of the stem and every bottleneck
DROPOUT = 0.2

Norm = Callable[[int], nn.Module]


def batch_norm(width: int) -> nn.Module:
    """The paper's, but for its decay of 0.99 (section 6.1.1): a head is trained for hundreds of steps, not for 10⁵."""
    return nn.BatchNorm2d(width, eps=1e-3, momentum=0.1)


def group_norm(width: int) -> nn.Module:
    """A norm of each sample by itself, for heads that nodes with different people average."""
    return nn.GroupNorm(1, width)


NORMS: dict[str, Norm] = {"batch": batch_norm, "group": group_norm}


def scaled(channels: int, width: float) -> int:
    """Channels times the width multiplier, to a multiple of 8 that loses no more than a tenth, 8 at least."""
    wanted = channels * width
    found = max(8, int(wanted + 4) // 8 * 8)
    return found if found >= 0.9 * wanted else found + 8


class SqueezeExcite(nn.Module):
    """Every channel times a factor of 0 to 1 that the means of all channels decide; a quarter as wide within."""

    def __init__(self, width: int):
        super().__init__()
        within = scaled(width // 4, 1.0)
        self.squeeze, self.excite = nn.Linear(width, within), nn.Linear(within, width)

    def forward(self, cells: Tensor) -> Tensor:
        factor = F.hardsigmoid(self.excite(F.relu(self.squeeze(cells.mean(dim=(2, 3))))))
        return cells * factor[:, :, None, None]


def convolution(incoming: int, outgoing: int, size: int, stride: int, groups: int, norm: Norm) -> nn.Sequential:
    """A convolution and its norm."""
    return nn.Sequential(
        nn.Conv2d(incoming, outgoing, size, stride, padding=size // 2, groups=groups, bias=False), norm(outgoing)
    )


class Bottleneck(nn.Module):
    """Wider by a 1×1, each channel by itself, narrower by a 1×1; added to its input where their shapes agree."""

    def __init__(
        self, incoming: int, wide: int, outgoing: int, size: int, stride: int, excite: bool, swish: bool, norm: Norm
    ):
        super().__init__()

        def activation() -> nn.Module:
            return nn.Hardswish() if swish else nn.ReLU()

        layers: list[nn.Module] = []
        if wide != incoming:
            layers += [convolution(incoming, wide, 1, 1, 1, norm), activation()]
        layers += [convolution(wide, wide, size, stride, wide, norm)]
        layers += [activation(), SqueezeExcite(wide)] if excite else [activation()]
        self.layers = nn.Sequential(*layers, convolution(wide, outgoing, 1, 1, 1, norm))
        self.added = stride == 1 and incoming == outgoing

    def forward(self, cells: Tensor) -> Tensor:
        return cells + self.layers(cells) if self.added else self.layers(cells)


class MobileNetV3Small(nn.Module):
    """(batch, bands, h, w) -> logits (batch, class).

    width    multiplier of every layer's channels, the last two included
    strides  of the stem and the eleven bottlenecks; the table's own reduce a side by 32
    norm     behind every convolution. Batch norm needs more than one number per channel while it trains
    """

    def __init__(
        self,
        bands: int,
        classes: int,
        width: float = 1.0,
        strides: Sequence[int] = STRIDES,
        norm: Norm = batch_norm,
        dropout: float = DROPOUT,
    ):
        super().__init__()
        incoming = scaled(STEM, width)
        layers: list[nn.Module] = [convolution(bands, incoming, 3, strides[0], 1, norm), nn.Hardswish()]
        for (size, wide, out, excite, swish, _), stride in zip(TABLE, strides[1:], strict=True):
            outgoing = scaled(out, width)
            layers.append(Bottleneck(incoming, scaled(wide, width), outgoing, size, stride, excite, swish, norm))
            incoming = outgoing
        last, hidden = scaled(LAST, width), scaled(HIDDEN, width)
        self.features = nn.Sequential(*layers, convolution(incoming, last, 1, 1, 1, norm), nn.Hardswish())
        self.classes = nn.Sequential(
            nn.Linear(last, hidden), nn.Hardswish(), nn.Dropout(dropout), nn.Linear(hidden, classes)
        )
        for part in self.features.modules():
            if isinstance(part, nn.Conv2d):  # by fan-in, in which a depthwise kernel is as large as it is
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")

    def forward(self, grid: Tensor) -> Tensor:
        return self.classes(self.features(grid).mean(dim=(2, 3)))
