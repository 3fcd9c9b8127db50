"""How well pictures come back, and how many codes it takes."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from models.vqvae import VqVae
from models.vqvae.quantisers import code_counts, perplexity
from models.vqvae.shape import rows_of


@dataclass(frozen=True)
class Fidelity:
    """Of a set of pictures. Decibels are of the mean squared error over all its pixels, against a range of 1.

    floor_db     what painting every picture in the set's mean colour would reach: less is worse than no encoder
    perplexity   of the codes, per stage
    codes_used   how many codes occur at all, per stage
    """

    pictures: int
    psnr_db: float
    floor_db: float
    perplexity: tuple[float, ...]
    codes_used: tuple[int, ...]


def decibels(mean_squared_error: float) -> float:
    """Peak signal to noise ratio; infinite for no error."""
    return -10 * math.log10(mean_squared_error) if mean_squared_error > 0 else math.inf


@torch.no_grad()
def measure(model: VqVae, batches: Iterable[Tensor]) -> Fidelity:
    """Over batches of (n, 3, height, width); ValueError where there is no picture."""
    quantiser = model.quantiser
    pictures, error, pixels = 0, 0.0, 0
    counts = torch.zeros(quantiser.stages, quantiser.size)
    total, squares = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    for batch in batches:
        again, coded = model(batch)
        pictures += len(batch)
        pixels += batch.numel() // 3
        error += float((again.clamp(0, 1) - batch).double().square().sum())
        total += batch.double().sum(dim=(0, 2, 3))
        squares += batch.double().square().sum(dim=(0, 2, 3))
        counts += code_counts(rows_of(coded.codes), quantiser.size)
    if not pictures:
        raise ValueError("no picture to measure")
    spread = float((squares / pixels - (total / pixels) ** 2).clamp(min=0).mean())
    return Fidelity(
        pictures,
        decibels(error / (3 * pixels)),
        decibels(spread),
        tuple(perplexity(stage) for stage in counts),
        tuple(int((stage > 0).sum()) for stage in counts),
    )
