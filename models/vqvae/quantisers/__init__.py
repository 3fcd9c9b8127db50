"""From vectors to codes and back: a codebook that follows its vectors, fixed levels, several codebooks in turn.

A quantiser changes nothing when it is called. Those that learn do so in two steps, `statistics` of a batch (counts and
sums, which add up over batches and nodes) and `update` from them.
"""

from models.vqvae.quantisers.codebook import Codebook, CodeStatistics
from models.vqvae.quantisers.ema import EmaQuantiser
from models.vqvae.quantisers.fsq import FsqQuantiser
from models.vqvae.quantisers.perplexity import code_counts, perplexity
from models.vqvae.quantisers.quantiser import Quantised, Quantiser
from models.vqvae.quantisers.residual import ResidualQuantiser

__all__ = [
    "CodeStatistics", "Codebook", "EmaQuantiser", "FsqQuantiser", "Quantised", "Quantiser", "ResidualQuantiser",
    "code_counts", "perplexity",
]  # fmt: skip
