"""Parts of the networks that stay on a node (FedBN, FedPer, FedRep), and a whole network of its own (Ditto)."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from client.training.local_part import Networks, named_parameters

_NORMS = (nn.GroupNorm, nn.LayerNorm, nn.BatchNorm1d, nn.BatchNorm2d, nn.InstanceNorm1d)


def own_names(model: Networks, told: Mapping[str, Any]) -> set[str]:
    """Parameters (`block/name`) that a rule leaves with the node: of `blocks` by pattern, and of `norms` by their type."""
    if told.get("name") != "personal":
        return set()
    found = {
        name
        for name in named_parameters(model)
        if any(fnmatchcase(name.split("/")[0], pattern) for pattern in told.get("blocks", ()))
    }
    if told.get("norms"):
        for block, part in model.named_parts():
            for inner, module in part.named_modules():
                if isinstance(module, _NORMS):
                    found |= {
                        f"{block}/{inner}.{name}" if inner else f"{block}/{name}"
                        for name, _ in module.named_parameters()
                    }
    return found


def whole_blocks(names: set[str], model: Networks) -> set[str]:
    """Blocks of which every parameter stays."""
    every = named_parameters(model)
    blocks = {name.split("/")[0] for name in every}
    return {block for block in blocks if all(name in names for name in every if name.split("/")[0] == block)}
