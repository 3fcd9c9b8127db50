"""Modality encoders that keep eight coarse time steps.

MMBind (Ouyang et al., SenSys 2025) encodes each sensor with convolutions followed by a recurrent layer. Here the
encoders are small (about 50 to 150 thousand parameters) and do *not* average over all time: on whole recordings of an
action, what happens first and what happens last tells the classes apart.

No BatchNorm: parameters are averaged over nodes, and running statistics of different nodes do not average.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

STEPS = 8  # coarse time steps kept; averaging over all time costs about 20 points of accuracy on UTD-MHAD
FEATURE = 64  # numbers per step


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


def pooling_matrix(frames: int, steps: int) -> Tensor:
    """Average-pooling of `frames` to `steps` as a constant matrix, (steps, frames), rows summing to one.

    The same bins as `torch.nn.functional.adaptive_avg_pool1d`, written as a product so that it exports to any runtime.
    """
    matrix = torch.zeros(steps, frames)
    for step in range(steps):
        start, stop = step * frames // steps, -((step + 1) * frames // -steps)
        matrix[step, start:stop] = 1.0 / (stop - start)
    return matrix


class ConvRecurrentEncoder(nn.Module):
    """Convolutions, pooling to eight steps, and one gated recurrent layer added to its own input.

    forward: (batch, time, channel) -> (batch, STEPS, feature). Raises ValueError for another shape than it was built for.
    """

    def __init__(self, stem: Stem, channels: int, frames: int, width: int = 64, feature: int = FEATURE):
        super().__init__()
        self.channels, self.frames, self.velocity = channels, frames, stem.velocity
        layers: list[nn.Module] = []
        incoming, length = channels * (2 if stem.velocity else 1), frames
        for kernel, stride in stem.layers:
            layers += [
                nn.Conv1d(incoming, width, kernel, stride=stride, padding=kernel // 2),
                nn.GroupNorm(8, width),
                nn.GELU(),
            ]
            incoming, length = width, (length + 2 * (kernel // 2) - kernel) // stride + 1
        self.convolutions = nn.Sequential(*layers)
        self.register_buffer("pooling", pooling_matrix(length, STEPS), persistent=False)  # (step, length)
        self.mix = nn.Linear(width, feature)
        self.recurrent = nn.GRU(feature, feature, batch_first=True)

    def forward(self, window: Tensor) -> Tensor:
        if window.ndim != 3 or window.shape[1:] != (self.frames, self.channels):
            raise ValueError(f"expected (batch, {self.frames}, {self.channels}), got {tuple(window.shape)}")
        signal = window.transpose(1, 2)  # (batch, channel, time)
        if self.velocity:
            moved = signal[:, :, 1:] - signal[:, :, :-1]
            signal = torch.cat([signal, torch.cat([moved[:, :, :1], moved], dim=2)], dim=1)
        coarse = self.convolutions(signal) @ self.pooling.T  # (batch, width, step)
        steps = self.mix(coarse.transpose(1, 2))  # (batch, step, feature)
        return steps + self.recurrent(steps)[0]


def build_encoder(kind: str, channels: int, frames: int, width: int = 64, feature: int = FEATURE) -> nn.Module:
    """The encoder of one modality: (batch, frames, channels) -> (batch, STEPS, feature).

    Raises ValueError for an unknown kind, a width that is no multiple of 8, or a window without frames or channels.
    """
    if kind not in STEMS:
        raise ValueError(f"unknown kind of modality {kind!r}: one of {', '.join(STEMS)}")
    if width % 8 or width < 8:
        raise ValueError(f"width must be a multiple of 8, got {width}")
    if channels < 1 or frames < 2:
        raise ValueError(f"a window needs at least 2 frames and 1 channel, got {frames} and {channels}")
    return ConvRecurrentEncoder(STEMS[kind], channels, frames, width, feature)
