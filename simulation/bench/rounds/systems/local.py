"""The engine `local`."""

from __future__ import annotations

import time

from simulation.bench.rounds.app import app
from simulation.bench.rounds.asked import Asked, Told
from simulation.bench.rounds.server import rounds_over
from simulation.local import LocalGrid


def run(asked: Asked) -> Told:
    """All nodes in this process."""
    began = time.perf_counter()
    return rounds_over(LocalGrid(app, [{}] * asked.nodes, {}), asked, began)
