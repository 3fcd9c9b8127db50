"""Encoder, quantiser and decoder as one."""

import copy
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from models.vqvae.quantisers import Quantiser
from models.vqvae.shape import CELL, cells_of, rows_of


@dataclass(frozen=True)
class Coded:
    """What pictures were made into; forms as in `models.vqvae`."""

    latents: Tensor
    quantised: Tensor  # like the latents; the gradient passes straight through to them
    codes: Tensor
    loss: Tensor


class VqVae(nn.Module):
    """forward: pictures -> (pictures again, Coded). `norm` stands behind the encoder while it is trained."""

    def __init__(self, encoder: nn.Module, quantiser: Quantiser, decoder: nn.Module, norm: nn.Module | None = None):
        super().__init__()
        self.encoder, self.quantiser, self.decoder = encoder, quantiser, decoder
        self.norm = nn.Identity() if norm is None else norm

    def latents(self, picture: Tensor) -> Tensor:
        """What the encoder says; ValueError for pictures of another form."""
        if picture.ndim != 4 or picture.shape[1] != 3 or picture.shape[2] % CELL or picture.shape[3] % CELL:
            raise ValueError(
                f"expected (batch, 3, height, width), both multiples of {CELL}, got {tuple(picture.shape)}"
            )
        return self.norm(self.encoder(picture))

    def code(self, picture: Tensor) -> Coded:
        """Pictures into latents and codes."""
        latents = self.latents(picture)
        found = self.quantiser(rows_of(latents))
        return Coded(latents, cells_of(found.vectors, latents), cells_of(found.codes, latents), found.loss)

    def quantised_of(self, codes: Tensor) -> Tensor:
        """The latents that codes stand for."""
        return cells_of(self.quantiser.vectors_of(rows_of(codes)), codes)

    def decode(self, quantised: Tensor) -> Tensor:
        """Quantised latents into pictures; values may lie slightly outside 0 to 1."""
        return self.decoder(quantised)

    def forward(self, picture: Tensor) -> tuple[Tensor, Coded]:
        coded = self.code(picture)
        return self.decode(coded.quantised), coded


def folded(model: VqVae) -> VqVae:
    """The trained model for use: a copy, in evaluation mode, its batch norm folded into the encoder's last convolution.

    Without a norm (Łańcucki et al., IJCNN 2020, put one before the codebook) the latents of the classic network grow
    until tanh is flat and one code is left. It is the batch's and not the picture's: how strong a picture is stays in
    its latents. Folded, it is one fixed affine map, so nothing here depends on who else is in a batch.
    """
    whole = copy.deepcopy(model).eval().requires_grad_(False)
    if isinstance(norm := whole.norm, nn.BatchNorm2d):
        mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
        last = cast(nn.Conv2d, cast(nn.Sequential, whole.encoder.layers)[-1])
        gain = torch.rsqrt(variance + norm.eps)
        last.weight *= gain[:, None, None, None]
        last.bias = nn.Parameter((cast(Tensor, last.bias) - mean) * gain, requires_grad=False)
        whole.norm = nn.Identity()
    return whole
