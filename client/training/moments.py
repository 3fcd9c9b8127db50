"""An optimiser's moments between two messages: a round goes on where the last one stopped."""

from __future__ import annotations

import safetensors.torch
import torch
from torch import Tensor


def moments_to_bytes(optimiser: torch.optim.Optimizer) -> bytes:
    """What the optimiser has gathered of each parameter (for AdamW its step count and two moments), for the node store."""
    state = optimiser.state_dict()["state"]
    named = {f"{index}.{key}": value for index, kept in state.items() for key, value in kept.items()}
    return safetensors.torch.save({name: value.contiguous() for name, value in named.items()})


def take_up(optimiser: torch.optim.Optimizer, saved: bytes | None, rate: float | None = None) -> None:
    """Puts saved moments back into an optimiser over the same parameters in the same order, and sets its rate if given.

    Raises KeyError where the moments are those of other parameters.
    """
    if saved is not None:
        parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in safetensors.torch.load(saved).items():
            number, key = name.split(".", 1)
            state.setdefault(int(number), {})[key] = value
        for index, kept in state.items():
            shape = parameters[index].shape if index < len(parameters) else None
            if any(value.dim() and value.shape != shape for value in kept.values()):
                raise KeyError(f"parameter {index}: moments of another shape than {shape}")
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    if rate is not None:
        for group in optimiser.param_groups:
            group["lr"] = rate
