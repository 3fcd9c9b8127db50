"""What stands between the latents of a frozen encoder and the steps that projection and head take."""

import torch.nn.functional as F
from torch import Tensor, nn

from models.encoders.steps import STEPS, WindowEncoder, pooling_matrix, strided


class LatentAdapter(WindowEncoder):
    """(batch, column, number) latents -> (batch, STEPS, feature): a mixture of the numbers, then two convolutions in time.

    No recurrent layer: the frozen encoder's neighbourhood and these kernels already see the longest of the eight steps,
    and on a board eight turns of a small GRU cost more than all the rest. Norms are over all channels together, so that
    which of them are strong is kept.
    """

    def __init__(self, channels: int, frames: int, width: int, feature: int):
        super().__init__(channels, frames)
        self.mix = nn.Linear(channels, width)
        stride = 2 if frames >= 4 * STEPS else 1
        self.first = nn.Conv1d(width, width, 5, stride=stride, padding=2)
        self.second = nn.Conv1d(width, feature, 3, padding=1)
        self.before, self.between = nn.GroupNorm(1, width), nn.GroupNorm(1, width)
        self.register_buffer("pooling", pooling_matrix(strided(frames, 5, stride), STEPS), persistent=False)

    def forward(self, window: Tensor) -> Tensor:
        signal = F.gelu(self.before(self.mix(self.checked(window)).transpose(1, 2)))  # (batch, width, column)
        signal = self.second(F.gelu(self.between(self.first(signal))))  # (batch, feature, column)
        return (signal @ self.pooling.T).transpose(1, 2)
