"""What stands between the latents of a frozen encoder and the steps that projection and head take."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.encoders.steps import STEPS, WindowEncoder, pooling_matrix

SLOW = 0.1  # what is learnt moves an adapter so much more slowly than the layers behind it


class LatentAdapter(WindowEncoder):
    """(batch, step, number) latents -> (batch, STEPS, feature): the first `feature` numbers of each step, which are the
    strongest of the axes that all nodes agreed on, and a tenth of a learnt mixture that begins at nothing.

    Linear and slow, because with a hundred samples of a person whatever moved freely at this place learnt that person: see
    docs/unified.md. What follows, projection or head, looks at all steps together and bends.
    """

    def __init__(self, channels: int, frames: int, feature: int):
        super().__init__(channels, frames)
        self.mix = nn.Linear(channels, feature)
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.mix.bias)
        self.register_buffer("pooling", pooling_matrix(frames, STEPS), persistent=False)

    def forward(self, window: Tensor) -> Tensor:
        learnt = self.mix(self.checked(window))
        feature = learnt.shape[2]
        first = F.pad(window, (0, max(feature - self.channels, 0)))[:, :, :feature]
        steps = first + SLOW * learnt
        return steps if self.frames == STEPS else torch.matmul(self.pooling, steps)
