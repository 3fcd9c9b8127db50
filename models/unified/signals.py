"""From a normalised window to a few signals on the common clock."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from configs.nodes import derived_seed
from configs.unified_settings import UnifiedSettings
from models.blocks import ModalityShape
from models.spectral import filled
from models.unified.shape import signal_count, vector_length


def signals_of(window: Tensor, shape: ModalityShape, settings: UnifiedSettings, turn: Tensor | None = None) -> Tensor:
    """(batch, time, channel) -> (batch, signal, settings.records), without gaps.

    turn  (signal before, signal): how many signals become `settings.signals`, as all nodes agreed (`axes_of` their sums);
          None: by `mixture`

    Linear between frames; going down, neighbouring frames are averaged first. A window of one frame stands still.
    A skeleton's sixty numbers are mixed because a picture each would cost as much as the encoders that are saved. What was
    never recorded is zero, the mean.
    """
    signal = signals_apart(window, shape, settings)
    if (count := signal_count(shape, settings)) < signal.shape[1]:
        signal = (mixture(signal.shape[1], count) if turn is None else turn).T @ signal
    if not len(signal):
        return signal.new_zeros(0, count, settings.records)
    size = (1, settings.records)
    return F.interpolate(signal[:, :, None], size=size, mode="bilinear", antialias=True, align_corners=False)[:, :, 0]


def signals_apart(window: Tensor, shape: ModalityShape, settings: UnifiedSettings) -> Tensor:
    """(batch, time, channel) -> (batch, signal before they are mixed, time), without gaps."""
    signal = filled(window.transpose(1, 2))  # (batch, channel, time)
    if settings.axes != "norm":
        return signal
    vectors = signal.unflatten(1, (-1, vector_length(shape)))  # (batch, vector, axis, time)
    return torch.linalg.vector_norm(vectors, dim=2) / vectors.shape[2] ** 0.5


@lru_cache(maxsize=16)
def mixture(channels: int, count: int) -> Tensor:
    """(channel, signal): orthonormal columns of a random rotation, the same on every node and in every run.

    Of independent channels of spread 1 each mixture has spread 1 too. Distances between windows are kept in the mean
    (Johnson and Lindenstrauss, 1984).
    """
    generator = torch.Generator().manual_seed(derived_seed(0, "mixture", channels, count))
    return torch.linalg.qr(torch.randn(channels, count, generator=generator, dtype=torch.float64))[0].float()
