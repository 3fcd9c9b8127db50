"""How many codes are in use."""

import torch
from torch import Tensor


def code_counts(codes: Tensor, size: int) -> Tensor:
    """How often each code occurs in every stage: (n, stages) -> (stages, size)."""
    return torch.stack([torch.bincount(stage, minlength=size) for stage in codes.T])


def perplexity(counts: Tensor) -> float:
    """exp of the entropy of the codes' shares, (size,): as many as that, equally used, would be as hard to foresee.

    0 where nothing was counted.
    """
    total = counts.sum()
    if total <= 0:
        return 0.0
    share = counts.double() / total
    return float(torch.exp(-torch.special.xlogy(share, share).sum()))
