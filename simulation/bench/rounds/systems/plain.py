"""A loop over nodes in one thread, nothing else."""

from __future__ import annotations

import torch

from simulation.bench.rounds.asked import Asked, Told, timed
from simulation.bench.rounds.task import beginning, plain_round


def run(asked: Asked) -> Told:
    """The plain loop."""
    current = {name: torch.from_numpy(value) for name, value in beginning(asked.model).items()}

    def one(round: int) -> None:
        nonlocal current
        current = plain_round(asked.model, asked.nodes, current)

    told = timed(one, asked.warm_up, asked.rounds)
    return {name: value.numpy() for name, value in current.items()}, told
