"""One system in a process of its own: `python -m simulation.bench.rounds.child JSON`, which names the file for the figures."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from protocol.payload import Block
from simulation.bench.rounds.server import rounds_over, timed
from simulation.bench.rounds.task import beginning, plain_round

Told = tuple[Block, dict[str, Any]]


def plain(model: str, nodes: int, warm_up: int, rounds: int, workers: int) -> Told:
    """A loop over nodes in one thread, nothing else."""
    current = {name: torch.from_numpy(value) for name, value in beginning(model).items()}

    def one(round: int) -> None:
        nonlocal current
        current = plain_round(model, nodes, current)

    told = timed(one, warm_up, rounds)
    return {name: value.numpy() for name, value in current.items()}, told


def local(model: str, nodes: int, warm_up: int, rounds: int, workers: int) -> Told:
    """The engine `local`."""
    from simulation.bench.rounds.app import app
    from simulation.local import LocalGrid

    began = time.perf_counter()
    return rounds_over(LocalGrid(app, [{}] * nodes, {}), model, nodes, warm_up, rounds, began)


def ray(model: str, nodes: int, warm_up: int, rounds: int, workers: int) -> Told:
    """The engine `ray`, `workers` actors."""
    from configs.schema import RunSettings
    from simulation.ray_engine.actors import Actors
    from simulation.ray_engine.grid import RayGrid
    from simulation.ray_engine.session import session

    began, settings = time.perf_counter(), RunSettings(actors=workers)
    with session(settings, workers):
        grid = RayGrid(Actors(settings, workers, nodes, "simulation.bench.rounds.app:app"), [{}] * nodes, {})
        return rounds_over(grid, model, nodes, warm_up, rounds, began)


def flower(model: str, nodes: int, warm_up: int, rounds: int, workers: int) -> Told:
    """Flower's own Ray simulation of the same ServerApp and ClientApp, a core for each of `workers` actors."""
    from flwr.app import Context
    from flwr.serverapp import Grid, ServerApp
    from flwr.simulation import run_simulation

    from simulation.bench.rounds.app import app

    server, found = ServerApp(), list[Told]()
    began = time.perf_counter()

    @server.main()
    def main(grid: Grid, context: Context) -> None:
        found.append(rounds_over(grid, model, nodes, warm_up, rounds, began))

    run_simulation(
        server, app, nodes,
        backend_config={
            "init_args": {"num_cpus": workers, "include_dashboard": False, "log_to_driver": False},
            "client_resources": {"num_cpus": 1.0, "num_gpus": 0.0},
        },
    )  # fmt: skip
    return found[0]


SYSTEMS: dict[str, Callable[[str, int, int, int, int], Told]] = {
    "plain": plain, "local": local, "ray": ray, "flower_ray": flower,
}  # fmt: skip


def main(text: str) -> None:
    """Runs the system that the JSON names; figures go to `out`.json, weights to `out`.npz."""
    asked = json.loads(text)
    torch.set_num_threads(1)
    block, told = SYSTEMS[asked["system"]](*(asked[key] for key in ("model", "nodes", "warm_up", "rounds", "workers")))
    out = Path(asked["out"])
    np.savez(out.with_suffix(".npz"), **block)  # type: ignore[arg-type]
    out.with_suffix(".json").write_text(json.dumps(told), encoding="utf-8")
    sys.stdout.flush()
    os._exit(0)  # what a simulation leaves running is ended by whoever started this


if __name__ == "__main__":
    main(sys.argv[1])
