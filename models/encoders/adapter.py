"""What stands between the latents of a frozen encoder and the steps that projection and head take."""

import torch
from torch import Tensor, nn

from models.encoders.steps import STEPS, WindowEncoder, pooling_matrix


class LatentAdapter(WindowEncoder):
    """(batch, step, number) latents -> (batch, STEPS, feature): a mixture of each step's numbers.

    It begins as the first `feature` numbers, the strongest of the axes that all nodes agreed on. Linear, because with a
    hundred samples of a person convolutions in time and hidden layers at this place learnt that person: see
    docs/unified.md. What follows, projection or head, looks at all steps together and bends.
    """

    def __init__(self, channels: int, frames: int, feature: int):
        super().__init__(channels, frames)
        self.mix = nn.Linear(channels, feature)
        with torch.no_grad():
            first = min(channels, feature)
            self.mix.weight[:first] = torch.eye(first, channels)
            self.mix.bias.zero_()
        self.register_buffer("pooling", pooling_matrix(frames, STEPS), persistent=False)

    def forward(self, window: Tensor) -> Tensor:
        steps = self.mix(self.checked(window))
        return steps if self.frames == STEPS else self.pooling @ steps
