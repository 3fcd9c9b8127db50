"""Vectors over time: inertial sensors, physiology, and joints taken as plain channels."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.encoders.steps import WindowEncoder, group_norm, moved, pooling_matrix, strided

MOST_AXES = 6  # a wider sensor is pooled to so many columns before the kernel that spans them all


@dataclass(frozen=True)
class Stem:
    """How a kind of sensor enters its encoder: (kernel, stride) of each convolution, and its inputs."""

    layers: tuple[tuple[int, int], ...]
    velocity: bool  # add the difference to the previous frame as further channels


STEMS = {
    "inertial": Stem(((7, 2), (5, 2), (3, 1)), velocity=False),
    "physiological": Stem(((9, 2), (7, 2), (5, 2)), velocity=False),
    "skeleton": Stem(((3, 1), (5, 2), (3, 1)), velocity=True),
}


class ConvRecurrentEncoder(WindowEncoder):
    """Convolutions over time with the channels as features, then the steps."""

    def __init__(self, stem: Stem, channels: int, frames: int, width: int, feature: int):
        super().__init__(channels, frames)
        self.velocity = stem.velocity
        layers: list[nn.Module] = []
        incoming, length = channels * (2 if stem.velocity else 1), frames
        for kernel, stride in stem.layers:
            layers += [
                nn.Conv1d(incoming, width, kernel, stride=stride, padding=kernel // 2),
                group_norm(width),
                nn.GELU(),
            ]
            incoming, length = width, strided(length, kernel, stride)
        self.convolutions = nn.Sequential(*layers)
        self.end_in_steps(length, width, feature)

    def forward(self, window: Tensor) -> Tensor:
        signal = self.checked(window).transpose(1, 2)  # (batch, channel, time)
        if self.velocity:
            signal = torch.cat([signal, moved(signal)], dim=1)
        return self.steps(self.convolutions(signal))


class PlaneEncoder(WindowEncoder):
    """MMBind's form: the window as a picture of (time, axis), two-dimensional convolutions, then the steps.

    Kernels slide over the axes too, so neighbouring axes share weights; the last one spans them all.
    """

    columns: Tensor

    def __init__(self, channels: int, frames: int, width: int, feature: int):
        super().__init__(channels, frames)
        axes = min(channels, MOST_AXES)
        self.register_buffer("columns", pooling_matrix(channels, axes), persistent=False)  # (column, axis)
        first, second = max(8, width // 4), max(8, width // 2)
        across, reach = (3, 1) if axes > 1 else (1, 0)  # kernel and padding over the axes
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, first, (7, across), stride=(2, 1), padding=(3, reach)), group_norm(first), nn.GELU(),
            nn.Conv2d(first, second, (5, across), stride=(2, 1), padding=(2, reach)), group_norm(second), nn.GELU(),
            nn.Conv2d(second, width, (3, axes), padding=(1, 0)), group_norm(width), nn.GELU(),
        )  # fmt: skip
        self.end_in_steps(strided(strided(frames, 7, 2), 5, 2), width, feature)

    def forward(self, window: Tensor) -> Tensor:
        plane = (self.checked(window) @ self.columns.T)[:, None]  # (batch, 1, time, column)
        return self.steps(self.convolutions(plane).squeeze(3))
