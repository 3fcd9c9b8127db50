"""What every encoder shares: the check of its input, pooling to eight steps, and the recurrent layer over them."""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

STEPS = 8  # coarse time steps kept: what happens first and what last tells actions apart
FEATURE = 64  # numbers per step


def pooling_matrix(frames: int, steps: int) -> Tensor:
    """Average-pooling of `frames` to `steps` as a constant matrix, (steps, frames), rows summing to one.

    The same bins as `torch.nn.functional.adaptive_avg_pool1d`, written as a product so that it exports to any runtime.
    """
    matrix = torch.zeros(steps, frames)
    for step in range(steps):
        start, stop = step * frames // steps, -((step + 1) * frames // -steps)
        matrix[step, start:stop] = 1.0 / (stop - start)
    return matrix


def group_norm(width: int) -> nn.GroupNorm:
    """Eight groups, or as many as divide `width`: it works on one sample alone, whatever the node's batch."""
    return nn.GroupNorm(math.gcd(8, width), width)


def strided(length: int, kernel: int, stride: int) -> int:
    """Length after a convolution that pads by kernel // 2."""
    return (length + 2 * (kernel // 2) - kernel) // stride + 1


class WindowEncoder(nn.Module):
    """Base of the families. forward: (batch, time, channel) -> (batch, STEPS, feature).

    Raises ValueError for another shape than it was built for.
    """

    pooling: Tensor

    def __init__(self, channels: int, frames: int):
        super().__init__()
        self.channels, self.frames = channels, frames

    def checked(self, window: Tensor) -> Tensor:
        """The window itself, (batch, frames, channels)."""
        if window.ndim != 3 or window.shape[1:] != (self.frames, self.channels):
            raise ValueError(f"expected (batch, {self.frames}, {self.channels}), got {tuple(window.shape)}")
        return window

    def end_in_steps(self, length: int, width: int, feature: int) -> None:
        """Makes the layers of `steps`, for a signal of this length and width."""
        self.register_buffer("pooling", pooling_matrix(length, STEPS), persistent=False)  # (step, length)
        self.mix = nn.Linear(width, feature)
        self.recurrent = nn.GRU(feature, feature, batch_first=True)

    def steps(self, signal: Tensor) -> Tensor:
        """(batch, width, length) -> (batch, STEPS, feature): pooled, and a gated recurrent layer added to its input."""
        coarse = signal @ self.pooling.T  # (batch, width, step)
        mixed = self.mix(coarse.transpose(1, 2))  # (batch, step, feature)
        return mixed + self.recurrent(mixed)[0]


class FrameByFrame(WindowEncoder, ABC):
    """Base of the families that look at every frame by itself first, then at time.

    A subclass gives `frame_vectors`: (batch · time, channel) -> (batch · time, width).
    """

    def follow_in_time(self, width: int, feature: int) -> None:
        """Makes the layers that come after the frames' vectors."""
        self.time = nn.Sequential(nn.Conv1d(width, width, 3, padding=1), group_norm(width), nn.GELU())
        self.end_in_steps(self.frames, width, feature)

    @abstractmethod
    def frame_vectors(self, frame: Tensor) -> Tensor:
        """(n, channel) -> (n, width)."""

    def forward(self, window: Tensor) -> Tensor:
        batch = len(self.checked(window))
        vectors = self.frame_vectors(window.reshape(batch * self.frames, self.channels))
        signal = vectors.view(batch, self.frames, vectors.shape[1]).transpose(1, 2)  # (batch, width, time)
        return self.steps(self.time(signal))


def moved(signal: Tensor) -> Tensor:
    """The difference to the frame before along the last axis but `...`: (..., time), the first difference twice."""
    change = signal[..., 1:] - signal[..., :-1]
    return torch.cat([change[..., :1], change], dim=-1)
