"""The engine `ray`, every node trained by itself."""

from __future__ import annotations

import time
from typing import Any

from configs.schema import RunSettings
from simulation.bench.rounds.asked import Asked, Told
from simulation.bench.rounds.server import rounds_over
from simulation.ray_engine.actors import Actors
from simulation.ray_engine.grid import RayGrid
from simulation.ray_engine.session import session


def run(asked: Asked, **settings: Any) -> Told:
    """As many actors as workers; `settings` are those of a run."""
    began, own = time.perf_counter(), RunSettings(actors=asked.workers, **settings)
    with session(own, asked.workers):
        grid = RayGrid(
            Actors(own, asked.workers, asked.nodes, "simulation.bench.rounds.app:app"), [{}] * asked.nodes, {}
        )
        return rounds_over(grid, asked, began)
