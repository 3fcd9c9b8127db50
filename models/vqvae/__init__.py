"""The unified encoder: a VQ-VAE (van den Oord et al., NeurIPS 2017) trained on generic pictures, then frozen.

picture  (batch, 3, 128, 128) float, 0 to 1      any height and width that 8 divides will do
latents  (batch, latent, 16, 16) float           what the encoder says of each 8×8 cell
codes    (batch, stage, 16, 16) int64            the quantiser's choice; one stage, or several in turn
"""

from models.vqvae.model import Coded, VqVae, folded
from models.vqvae.packed import digest, pack, unpack
from models.vqvae.registry import NETWORKS, QUANTISERS, Described, build_vqvae
from models.vqvae.shape import CELL, GRID, cells_of, rows_of

__all__ = [
    "CELL", "GRID", "NETWORKS", "QUANTISERS", "Coded", "Described", "VqVae", "build_vqvae", "cells_of", "digest",
    "folded", "pack", "rows_of", "unpack",
]  # fmt: skip
