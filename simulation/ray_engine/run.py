"""A whole experiment on the engine `ray`: its jobs one after another, their nodes in actors that live as long as the run."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from configs.nodes import node_places
from configs.schema import Experiment
from server.progress import ProgressView, follow
from server.report.finish import finish_run, start_run
from server.tracking import RunFolder, Status
from simulation.jobs import check_before, logged, node_configs, run_on, some_failed
from simulation.ray_engine.actors import Actors, actors_for
from simulation.ray_engine.grid import RayGrid
from simulation.ray_engine.session import session
from simulation.roots import with_absolute_roots


def run_on_ray(
    experiment: Experiment, out: Path | None, view: ProgressView, resume: bool = False
) -> tuple[Path, dict[str, Any]]:
    """The run folder and its summary, as `simulation.jobs.run_local` gives them, and with the same failures.

    Ctrl-C (KeyboardInterrupt) is passed on once Ray is down and the folder says how far the run came.
    """
    check_before(experiment)
    nodes = len(node_places(experiment))
    folder = start_run(experiment, out, resume)
    settings = with_absolute_roots(experiment)
    jobs = [(seed, method) for seed in experiment.seeds for method in experiment.methods]
    status: Status = "finished"
    error: str | None = None
    failures: list[str] = []
    try:
        with session(experiment.run, actors_for(experiment.run, nodes)):
            actors = Actors(experiment.run, actors_for(experiment.run, nodes), nodes)
            thread = threading.Thread(target=_work, args=(actors, settings, jobs, folder, failures), daemon=True)
            thread.start()
            try:
                follow(folder.path, view, thread.is_alive)
            finally:
                actors.stop.set()  # the job under way ends at its next look; all have ended where nobody stopped us
                thread.join()
        if failures:
            status, error = "failed", "\n".join(failures)
    except KeyboardInterrupt:
        status, error = "interrupted", "stopped by hand"
        raise
    except Exception as failure:
        status, error = "failed", str(failure)
        raise
    finally:
        summary = finish_run(folder, experiment, status, error)
        view.close(summary)
    if error is not None:
        raise some_failed(len(failures), len(jobs), folder, error)
    return folder.path, summary


def _work(
    actors: Actors, experiment: Experiment, jobs: list[tuple[int, str]], folder: RunFolder, failures: list[str]
) -> None:
    """Every job; those that fail leave their reason, and the others go on."""
    for seed, method in jobs:
        if actors.stop.is_set():
            return
        try:
            with logged(folder, method, seed):
                run_on(grid_on(actors, experiment, seed), experiment, method, seed, folder)
        except KeyboardInterrupt:
            return
        except Exception as failure:
            failures.append(f"{method}, seed {seed}: {failure}")


def grid_on(actors: Actors, experiment: Experiment, seed: int) -> RayGrid:
    """A RayGrid with one host per node, the same as the local engine's."""
    return RayGrid(actors, node_configs(experiment, seed), {"json": experiment.model_dump_json()})
