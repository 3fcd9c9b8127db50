"""The projection into the space all modalities share."""

import torch.nn.functional as F
from torch import Tensor, nn


class Projection(nn.Module):
    """Flattens coarse time, then an MLP: (batch, step, feature) -> (batch, out), rows of unit norm.

    MMBind section 4.3 projects an encoder's whole output; the 128 numbers are what travels between nodes. With
    `prompts` it is also told which of so many modalities the sample holds, (batch, prompts) of 0 and 1: the same as
    appending them to the features, since the first layer is linear.
    """

    def __init__(self, steps: int, feature: int, out: int = 128, hidden: int = 256, prompts: int = 0):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.LayerNorm(steps * feature),
            nn.Linear(steps * feature, hidden),
            nn.GELU(),
            nn.Linear(hidden, out),
        )
        self.prompt = nn.Linear(prompts, hidden, bias=False) if prompts else None

    def forward(self, features: Tensor, presence: Tensor | None = None) -> Tensor:
        if self.prompt is None:
            return F.normalize(self.layers(features), dim=1)
        if presence is None:
            raise ValueError(f"expected (batch, {self.prompt.in_features}) of presence beside the features")
        flatten, norm, first, *rest = self.layers
        hidden = first(norm(flatten(features))) + self.prompt(presence)  # (batch, hidden)
        for layer in rest:
            hidden = layer(hidden)
        return F.normalize(hidden, dim=1)
