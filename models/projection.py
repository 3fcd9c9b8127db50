"""The projection into the space all modalities share."""

import torch.nn.functional as F
from torch import Tensor, nn


class Projection(nn.Module):
    """Flattens coarse time, then an MLP: (batch, step, feature) -> (batch, out), rows of unit norm.

    MMBind section 4.3 projects an encoder's whole output; the 128 numbers are what travels between nodes.
    """

    def __init__(self, steps: int, feature: int, out: int = 128, hidden: int = 256):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.LayerNorm(steps * feature),
            nn.Linear(steps * feature, hidden),
            nn.GELU(),
            nn.Linear(hidden, out),
        )

    def forward(self, features: Tensor) -> Tensor:
        return F.normalize(self.layers(features), dim=1)
