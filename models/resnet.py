"""Residual networks of basic blocks: ResNet-18 and -34 (He, Zhang, Ren and Sun, CVPR 2016, table 1 and section 3.3).

Cut after a stage they are encoders: "ResNet-18-L3" ends with the third of the four stages. The shortcut where the shape
changes is a 1×1 convolution (option B there); batch norm follows each convolution.
"""

from torch import Tensor, nn

BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}  # in each stage
WIDTHS = (64, 128, 256, 512)
STAGES = ("L1", "L2", "L3", "L4")


def convolution(incoming: int, outgoing: int, size: int, stride: int = 1) -> nn.Sequential:
    """A convolution and its norm, without what follows them."""
    return nn.Sequential(
        nn.Conv2d(incoming, outgoing, size, stride=stride, padding=size // 2, bias=False), nn.BatchNorm2d(outgoing)
    )


class BasicBlock(nn.Module):
    """Two 3×3 convolutions added to their input: (batch, incoming, h, w) -> (batch, outgoing, h / stride, w / stride)."""

    def __init__(self, incoming: int, outgoing: int, stride: int):
        super().__init__()
        self.first = convolution(incoming, outgoing, 3, stride)
        self.second = convolution(outgoing, outgoing, 3)
        same = incoming == outgoing and stride == 1
        self.shortcut = nn.Identity() if same else convolution(incoming, outgoing, 1, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, cells: Tensor) -> Tensor:
        return self.relu(self.second(self.relu(self.first(cells))).add_(self.shortcut(cells)))


class ResNetEncoder(nn.Module):
    """(batch, bands, h, w) -> (batch, width, h / reduction, w / reduction), after the stage that is named.

    ValueError for an unknown name or stage.
    """

    def __init__(self, name: str = "resnet18", stage: str = "L3", bands: int = 3):
        super().__init__()
        if name not in BLOCKS or stage not in STAGES:
            raise ValueError(f"no {name!r} cut after {stage!r}: {', '.join(BLOCKS)}; {', '.join(STAGES)}")
        layers: list[nn.Module] = [
            convolution(bands, WIDTHS[0], 7, stride=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2, padding=1)
        ]  # fmt: skip
        incoming, kept = WIDTHS[0], STAGES.index(stage) + 1
        for place, (blocks, width) in enumerate(zip(BLOCKS[name][:kept], WIDTHS[:kept], strict=True)):
            for block in range(blocks):
                layers.append(BasicBlock(incoming, width, 2 if block == 0 and place > 0 else 1))
                incoming = width
        self.layers = nn.Sequential(*layers)
        self.width, self.reduction = incoming, 4 * 2 ** (kept - 1)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, picture: Tensor) -> Tensor:
        return self.layers(picture)


def resnet_classifier(name: str, classes: int) -> nn.Sequential:
    """The whole network with its average pool and linear layer: (batch, 3, h, w) -> (batch, class)."""
    encoder = ResNetEncoder(name, STAGES[-1])
    return nn.Sequential(encoder, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(encoder.width, classes))
