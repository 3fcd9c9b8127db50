"""One size on one engine in a process of its own: `python -m simulation.bench.scale.child JSON`, which names the file."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import torch

from configs.schema import Experiment
from server.dispatch import Dispatch
from server.job import Job
from server.phases.describe import describe
from server.phases.unimodal import train_unimodal
from server.state import JobState
from simulation.bench.memory import peak_bytes
from simulation.bench.rounds.asked import cpu_seconds
from simulation.bench.scale.experiment import experiment_of
from simulation.jobs import grid_for
from simulation.local import LocalGrid
from simulation.ray_engine.grid import RayGrid

METHOD = "unimodal"  # describe, then rounds of training: nothing in it looks at two nodes at once


@dataclass
class _Rounds:
    """When each round of the training ended, and what it carried."""

    ended: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    told: list[Mapping[str, Any]] = field(default_factory=list)
    skipped: int = 0

    def append(self, event: Mapping[str, Any]) -> None:
        self.skipped += event["event"] == "skip"
        if event["event"] == "round" and event["phase"] == "contrast":
            self.ended.append(time.perf_counter())
            self.cpu.append(cpu_seconds([psutil.Process(), *psutil.Process().children(recursive=True)]))
            self.told.append(event)
            print(f"round {len(self.told)} ended after {self.ended[-1] - self.ended[0]:.0f} s", flush=True)


def measured(engine: str, nodes: int, warm_up: int, rounds: int, workers: int) -> dict[str, Any]:
    """Seconds to the manifests, seconds and CPU seconds by counted round, bytes a round, peaks of memory by process."""
    experiment, log = experiment_of(nodes, warm_up + rounds), _Rounds()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="fb-scale-") as folder, _grid(engine, experiment, workers) as grid:
        started = time.perf_counter()
        dispatch = Dispatch(grid, log, METHOD, 0, experiment.run.reply_timeout_s, nodes)
        job = Job(experiment, METHOD, 0, dispatch, Path(folder))
        state = describe(job, JobState())
        described = time.perf_counter()
        log.ended.append(described)
        print(f"all nodes described after {described - started:.0f} s", flush=True)
        log.cpu.append(cpu_seconds([psutil.Process(), *psutil.Process().children(recursive=True)]))
        state = train_unimodal(job, state)
        moments = list(zip(log.ended, log.ended[1:], strict=False))[warm_up:]
        used = list(zip(log.cpu, log.cpu[1:], strict=False))[warm_up:]
        others = [(each.name(), peak_bytes(each.pid)) for each in psutil.Process().children(recursive=True)]
        return {
            "start": started - began, "describe": described - started,
            "wall": [after - before for before, after in moments], "cpu": [after - before for before, after in used],
            "bytes_up": log.told[-1]["bytes_up"], "bytes_down": log.told[-1]["bytes_down"],
            "numbers": sum(value.size for block in state.blocks.values() for value in block.values()),
            "answered": log.told[-1]["nodes"]["ok"], "skipped": log.skipped, "loss": log.told[-1]["loss"],
            "driver_peak_bytes": peak_bytes() or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "actor_peak_bytes": [peak for name, peak in others if name.startswith("ray::Nodes")],
            "other_peak_bytes": sum(peak for name, peak in others if not name.startswith("ray::Nodes")),
        }  # fmt: skip


@contextmanager
def _grid(engine: str, experiment: Experiment, workers: int) -> Iterator[LocalGrid | RayGrid]:
    """The engine's grid of the experiment's nodes, closed at the end with all that it started."""
    if engine == "local":
        grid = grid_for(experiment, METHOD, 0)
        yield grid
        grid.close()
        return
    from configs.nodes import node_places
    from simulation.ray_engine.actors import Actors
    from simulation.ray_engine.run import grid_on
    from simulation.ray_engine.session import session

    settings, nodes = experiment.run.model_copy(update={"actors": workers}), len(node_places(experiment))
    with session(settings, workers):
        actors = Actors(settings, workers, nodes)
        on_ray = grid_on(actors, experiment, 0)
        yield on_ray
        on_ray.close()
        actors.close()


def main(text: str) -> None:
    """Measures what the JSON names; figures go to `out`."""
    asked = json.loads(text)
    torch.set_num_threads(1)
    told = measured(*(asked[key] for key in ("engine", "nodes", "warm_up", "rounds", "workers")))
    Path(asked["out"]).write_text(json.dumps(told), encoding="utf-8")
    sys.stdout.flush()
    os._exit(0)  # what Ray leaves running is ended by whoever started this


if __name__ == "__main__":
    main(sys.argv[1])
