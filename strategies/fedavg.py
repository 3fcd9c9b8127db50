"""FedAvg: the mean of the replies, weighted (McMahan et al., AISTATS 2017, algorithm 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.rule import Block, MeanLike


def fedavg(replies: Sequence[Block], weights: Sequence[float]) -> Block:
    """Weighted mean of equally named and shaped arrays, tensor by tensor.

    The sum of weight times value over the sum of weights, as `strategies.tree` has it: in float64, in the order given, so
    the caller's order fixes the last bit; results keep each array's type. Raises ValueError when there is no reply or no
    weight above zero.
    """
    total = float(sum(weights))
    if len(replies) != len(weights) or not replies or not total > 0 or min(weights) < 0:
        raise ValueError(
            f"{len(replies)} replies with weights {list(weights)}: need equally many, none negative, some above 0"
        )
    mean: Block = {}
    for name, first in replies[0].items():
        summed = np.zeros(first.shape, dtype=np.float64)
        for reply, weight in zip(replies, weights, strict=True):
            summed += np.multiply(reply[name], weight, dtype=np.float64)
        mean[name] = (summed / total).astype(first.dtype)
    return mean


@dataclass(frozen=True)
class FedAvg(MeanLike):
    """The mean is the next block."""
