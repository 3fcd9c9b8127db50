"""Instance discrimination: the encoders by which samples of different nodes are compared.

An alternative to the shared autoencoder of MMBind (section 4.2) that needs neither labels nor other nodes' data. Two
random augmentations of one window shall embed alike, and unlike the other windows of the node's batch (InfoNCE; Chen et
al., ICML 2020). Only weights leave a node. Train it briefly and with a high temperature: other trials of the same
action stand in the batch as negatives, and long training pushes them apart.

Which neighbour is nearest depends on how an encoder happened to begin, so several are trained side by side and a pair's
similarity is the mean of their cosines. docs/results/utd_mhad.md has what each of these choices gave.
"""

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.encoders import FEATURE, STEPS, build_encoder
from models.projection import Projection


class SharedEncoder(nn.Module):
    """`members` encoders with projections, each from its own beginning: (batch, time, channel) -> unit rows.

    `encode` gives (batch, members · latent): the members' unit rows side by side, divided by √members, so that the
    dot product of two rows is the mean of the members' cosines. It stands where a SharedAutoencoder would.
    """

    def __init__(
        self,
        channels: int,
        frames: int,
        latent: int = 64,
        kind: str = "inertial",
        width: int = 32,
        layout: tuple[int, ...] = (),
        members: int = 1,
        feature: int = FEATURE,
        hidden: int = 256,
    ):
        super().__init__()
        self.members = nn.ModuleList(
            nn.Sequential(
                build_encoder(kind, channels, frames, width, feature, layout),
                Projection(STEPS, feature, latent, hidden),
            )
            for _ in range(members)
        )

    def encode(self, window: Tensor) -> Tensor:
        return torch.cat([member(window) for member in self.members], dim=1) / math.sqrt(len(self.members))

    def forward(self, window: Tensor) -> Tensor:
        return self.encode(window)

    def losses(self, views: Callable[[], Tensor], temperature: float) -> Iterator[Tensor]:
        """Each member's `instance_loss`, on two views of the batch drawn for it alone, (n, time, channel) each."""
        for member in self.members:
            yield instance_loss(member(views()), member(views()), temperature)


def instance_loss(first: Tensor, second: Tensor, temperature: float = 0.2) -> Tensor:
    """Symmetric InfoNCE between two augmented views of a batch, (n, d) unit rows each; row i belongs to row i."""
    similarity = first @ second.T / temperature  # (n, n)
    own = torch.arange(len(first), device=first.device)
    return 0.5 * (F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own))


def supervised_instance_loss(first: Tensor, second: Tensor, label: Tensor, temperature: float = 0.2) -> Tensor:
    """The same with labels, int64 (n,), −1 for none: rows of one label belong together too.

    The supervised form of Khosla et al. (NeurIPS 2020, eq. 2): −1/|P(i)| Σ_p log softmax_p over a row's positives P(i),
    its own second view and the second views of its label. There a row's own view of the others stands among the
    candidates as well; here as in `instance_loss` the other view alone, so that without two rows of one label this is
    `instance_loss`, and what labels add is not mixed with more negatives.
    """
    similarity = first @ second.T / temperature  # (n, n)
    alike = (label[:, None] == label[None, :]) & (label >= 0)[:, None]
    alike.fill_diagonal_(True)
    share = alike / alike.sum(dim=1, keepdim=True)  # `alike` is symmetric: the same shares serve both ways
    return 0.5 * (F.cross_entropy(similarity, share) + F.cross_entropy(similarity.T, share))
