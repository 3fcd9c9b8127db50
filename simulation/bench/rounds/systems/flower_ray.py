"""Flower's own Ray simulation of the same ServerApp and ClientApp."""

from __future__ import annotations

import time

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp
from flwr.simulation import run_simulation

from simulation.bench.rounds.app import app
from simulation.bench.rounds.asked import Asked, Told
from simulation.bench.rounds.server import rounds_over


def run(asked: Asked) -> Told:
    """A core for each of so many actors as there are workers."""
    server, found = ServerApp(), list[Told]()
    began = time.perf_counter()

    @server.main()
    def main(grid: Grid, context: Context) -> None:
        found.append(rounds_over(grid, asked, began))

    run_simulation(
        server, app, asked.nodes,
        backend_config={
            "init_args": {"num_cpus": asked.workers, "include_dashboard": False, "log_to_driver": False},
            "client_resources": {"num_cpus": 1.0, "num_gpus": 0.0},
        },
    )  # fmt: skip
    return found[0]
