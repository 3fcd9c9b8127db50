"""The same loop with nodes side by side, where the model's layers can be stacked; else it is not there to be compared."""

from __future__ import annotations

import torch

from models.stacked import can_stack
from simulation.allocator import keep_freed_memory
from simulation.bench.rounds.asked import Asked, Told, timed
from simulation.bench.rounds.task import batched_round, beginning, network
from simulation.ray_engine.together import MOST


def run(asked: Asked) -> Told | None:
    """The batched loop, as many nodes side by side as the engine takes, its memory kept as an actor keeps it."""
    if not can_stack(network(asked.model)):
        return None
    keep_freed_memory()
    current = {name: torch.from_numpy(value) for name, value in beginning(asked.model).items()}

    def one(round: int) -> None:
        nonlocal current
        current = batched_round(asked.model, asked.nodes, current, MOST)

    told = timed(one, asked.warm_up, asked.rounds)
    return {name: value.numpy() for name, value in current.items()}, told
