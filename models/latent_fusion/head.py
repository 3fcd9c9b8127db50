"""The whole head: join, Conv-LSTM, MobileNetV3-small."""

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from models.latent_fusion.conv_lstm import ConvLstm
from models.latent_fusion.join import Join, JoinBlock, Presence, modalities_of
from models.latent_fusion.mobilenet import DROPOUT, NORMS, MobileNetV3Small
from models.vqvae.shape import GRID

SIDE = 8  # cells to a side, of the joined grid
STRIDES = (1, 1, 2, 1, 2, 1, 1, 1, 1, 1, 1, 1)  # from 8 cells to 2; the table's own would leave one after three layers


class LatentFusion(nn.Module):
    """Classifies sequences of windows of which any subset of the modalities is there.

    modalities  names, which must not hold a dot
    latent      numbers per cell; or, by modality, where some modality's signals stand one behind the other
    grid        cells to a side, of the latents: 16 of the unified encoder, 8 of ResNet-18 cut after its third stage
    width       of MobileNetV3-small. A half is the default: at 1 it would have as many parameters as fifteen patch encoders
    norm        batch, as published; group for heads that are averaged over nodes, whose moments differ

    An absent modality has no influence at all. A window in which none is present is passed over; a sample of which
    nothing is present gets the logits of an empty state. ValueError for what cannot be built.
    """

    def __init__(
        self,
        modalities: Sequence[str],
        classes: int,
        latent: int | Mapping[str, int] = 3,
        grid: int = GRID,
        joined: int = 16,
        hidden: int = 16,
        width: float = 0.5,
        norm: str = "batch",
        dropout: float = DROPOUT,
    ):
        super().__init__()
        if not modalities or len(set(modalities)) != len(modalities) or classes < 2:
            raise ValueError(f"needs different modalities and 2 classes or more, got {tuple(modalities)}, {classes}")
        if norm not in NORMS:
            raise ValueError(f"unknown norm {norm!r}: one of {', '.join(NORMS)}")
        patch = max(1, grid // SIDE)
        self.side = grid // patch  # of the joined grid
        self.join = Join(modalities_of(latent, modalities), joined, patch)
        self.memory = ConvLstm(joined, hidden)
        self.classifier: nn.Module = MobileNetV3Small(hidden, classes, width, STRIDES, NORMS[norm], dropout)

    def forward(self, latents: Mapping[str, Tensor], present: Presence | None = None) -> Tensor:
        """(batch, window, number, h, w) per modality -> logits (batch, class).

        `present[modality]` is bool (batch,) or (batch, window); left out, all that is given is present. Modalities of
        the head that are not given at all are absent. Raises KeyError for a modality without a block, ValueError
        without any.
        """
        joined, seen = self.join(latents, present)
        return self.classifier(self.memory(joined, seen))

    @torch.no_grad()
    def adopt(self, modality: str) -> None:
        """Takes in a modality that was never trained: it is read as the mean of those that were, with their mean gate.

        The encoder is the same for all, so a latent means the same pattern whatever sensor it comes from. Raises
        ValueError where the modality is known, or where latents of different widths have no mean.
        """
        blocks = [self.join.block(name) for name in self.join.blocks]
        if modality in self.join.blocks:
            raise ValueError(f"{modality!r} is known already")
        if len({block.read.in_channels for block in blocks}) > 1:
            raise ValueError("modalities of different widths have no mean")
        new: JoinBlock = copy.deepcopy(blocks[0])
        for name, parameter in new.named_parameters():
            parameter.copy_(torch.stack([block.get_parameter(name) for block in blocks]).mean(dim=0))
        self.join.blocks[modality] = new
