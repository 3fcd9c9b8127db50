"""The optimiser of every network here: AdamW, in one fused pass over all parameters.

torch's optimisers read its whole compiler (`torch._dynamo`, half as much again as torch itself) at the first step, to tell it
to keep away. Nothing is compiled here, and a node may be a process for every message, so ours leave it unread.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

_TOLD = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")  # of which the compiler is told to keep away
_STEP = getattr(torch.optim.Adam.step, "__wrapped__", None)  # AdamW's too; what is around it tells the compiler


class _AdamW(torch.optim.AdamW):
    """The same steps to the last bit."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step; gradients are not recorded."""
        return super().step(closure) if _STEP is None else _STEP(self, closure)


def _leave_the_compiler_unread() -> None:
    """Marks what the compiler would be told of as told already; a torch that keeps no such marks does as it did before."""
    for name in _TOLD:
        inner = getattr(getattr(torch.optim.Optimizer, name), "__wrapped__", None)
        if inner is not None and not hasattr(inner, "__dynamo_disable"):
            setattr(inner, "__dynamo_disable", inner)


_leave_the_compiler_unread()


def adamw(parameters: Iterable[Tensor] | Iterable[dict[str, Any]], rate: float, decay: float) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter, 2019) over parameters or groups of them.

    Small networks have many small tensors, and one pass over all of them costs less than one for each.
    """
    return _AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
