"""The optimiser of every network here: AdamW, in one fused pass over all parameters."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


def adamw(parameters: Iterable[Tensor] | Iterable[dict[str, Any]], rate: float, decay: float) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter, 2019) over parameters or groups of them.

    Small networks have many small tensors, and one pass over all of them costs less than one for each.
    """
    return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
