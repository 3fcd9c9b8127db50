"""An encoder of the shared modality that is trained to tell recordings apart, not to rebuild them.

MMBind binds by an autoencoder's latent (its eq. 1). On UTD-MHAD's accelerometer that latent pairs no better than the
cosine of the raw windows; an encoder trained by instance discrimination (Chen et al., ICML 2020, eq. 1), with two
augmented views of a window as each other's positives and the node's other windows as negatives, pairs clearly better.
Only weights leave a node, as with the autoencoder.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.encoders import FEATURE, STEPS, build_encoder
from models.projection import Projection


class InstanceEncoder(nn.Module):
    """Window -> unit vector of `latent` numbers."""

    def __init__(self, channels: int, frames: int, latent: int = 64, kind: str = "inertial", width: int = 32):
        super().__init__()
        self.encoder = build_encoder(kind, channels, frames, width=width)
        self.projection = Projection(STEPS, FEATURE, latent)

    def encode(self, window: Tensor) -> Tensor:
        """(batch, time, channel) -> (batch, latent), rows of unit norm."""
        return self.projection(self.encoder(window))

    def forward(self, window: Tensor) -> Tensor:
        return self.encode(window)


def instance_discrimination(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Symmetric InfoNCE between two views of the same n windows, unit rows (n, d); 0 for a single window.

    Row i's positive is the other view of window i, its negatives are the other views of the other windows.
    """
    similarity = first @ second.T / temperature  # (n, n)
    own = torch.arange(len(first))
    return 0.5 * (F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own))
