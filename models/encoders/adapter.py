"""What stands between the latents of a frozen encoder and the steps that projection and head take."""

import math

import torch.nn.functional as F
from torch import Tensor, nn

from models.encoders.steps import STEPS, WindowEncoder, group_norm, pooling_matrix, strided


class LatentAdapter(WindowEncoder):
    """(batch, column, number) latents -> (batch, STEPS, feature): a mixture of the numbers, then two convolutions in time.

    No recurrent layer: the frozen encoder's neighbourhood and these kernels already see the longest of the eight steps,
    and on a board eight turns of a small GRU cost more than all the rest.
    """

    def __init__(self, channels: int, frames: int, width: int, feature: int):
        super().__init__(channels, frames)
        self.mix = nn.Linear(channels, width)
        self.first = nn.Conv1d(width, width, 5, stride=2, padding=2)
        self.second = nn.Conv1d(width, feature, 3, padding=1)
        self.norms = nn.ModuleList([group_norm(width), group_norm(width), nn.GroupNorm(math.gcd(4, feature), feature)])
        self.register_buffer("pooling", pooling_matrix(strided(frames, 5, 2), STEPS), persistent=False)  # (step, length)

    def forward(self, window: Tensor) -> Tensor:
        signal = self.mix(self.checked(window)).transpose(1, 2)  # (batch, width, column)
        for layer, norm in zip((nn.Identity(), self.first, self.second), self.norms, strict=True):
            signal = F.gelu(norm(layer(signal)))
        return (signal @ self.pooling.T).transpose(1, 2)
