"""Runs an experiment's jobs (method × seed) side by side on the local engine, and finishes the run folder whatever comes."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from client.app import app as client_app
from client.data.holdings import check_holdings
from configs.errors import UserError
from configs.nodes import node_places
from configs.schema import Experiment
from server.app import run_job
from server.clock import trace_of
from server.frozen import encoder_file
from server.progress import ProgressView, follow
from server.report.finish import finish_run, start_run
from server.tracking import RunFolder, Status
from simulation.allocator import keep_freed_memory
from simulation.local import LocalGrid
from simulation.raw_pairing import add_raw_pairing
from simulation.workers import cores, stop, worker_pool
from strategies.registry import rule_of

if TYPE_CHECKING:
    from simulation.ray_engine.grid import RayGrid


def run_local(
    experiment: Experiment, out: Path | None, view: ProgressView, resume: bool = False
) -> tuple[Path, dict[str, Any]]:
    """The whole experiment on this machine; returns the run folder and its summary.

    Jobs run in processes of one torch thread each, so neither their number nor their order changes a figure. A job
    that fails leaves its reason in the folder and the others go on; the run then raises UserError at its end.
    Ctrl-C (KeyboardInterrupt) is passed on once the folder says how far the run came.
    """
    check_before(experiment)
    folder = start_run(experiment, out, resume)
    jobs = [(seed, method) for seed in experiment.seeds for method in experiment.methods]
    text = experiment.model_dump_json()
    workers = min(experiment.run.workers or cores(), len(jobs))
    status: Status = "finished"
    error: str | None = None
    pool = worker_pool(workers)
    try:
        pending: dict[Future[None], tuple[int, str]] = {
            pool.submit(run_in_worker, text, method, seed, str(folder.path)): (seed, method) for seed, method in jobs
        }
        follow(folder.path, view, lambda: not all(future.done() for future in pending))
        failures = [f"{m}, seed {s}: {f.exception()}" for f, (s, m) in pending.items() if f.exception() is not None]
        if failures:
            status, error = "failed", "\n".join(failures)
    except KeyboardInterrupt:
        status, error = "interrupted", "stopped by hand"
        stop(pool)
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        summary = finish_run(folder, experiment, status, error)
        view.close(summary)
    if error is not None:
        raise some_failed(len(failures), len(jobs), folder, error)
    return folder.path, summary


def some_failed(failed: int, jobs: int, folder: RunFolder, reasons: str) -> UserError:
    """What a run ends with of which not every job ended well."""
    return UserError(
        f"{failed} of {jobs} jobs failed", where=str(folder.path), expected=reasons, todo="see jobs/*/node.log"
    )


def check_before(experiment: Experiment) -> None:
    """The user's mistakes about recordings and other files come out here, before anything is started (UserError).

    Makes the folder that pre-training is kept in; OSError where it cannot be made.
    """
    check_files(experiment)
    check_holdings(experiment)
    make_shared_folder(experiment)


def make_shared_folder(experiment: Experiment) -> None:
    """The folder that `run.pretraining` names; OSError where it cannot be made."""
    if experiment.run.pretraining is not None:
        Path(experiment.run.pretraining).mkdir(parents=True, exist_ok=True)


def check_files(experiment: Experiment) -> None:
    """What the experiment names beside recordings: a strategy of one's own, a trace, weights. Raises UserError."""
    rule_of(experiment.strategy.name, experiment.strategy.parameters)
    trace_of(experiment)
    if experiment.models.encoder == "unified":
        encoder_file(experiment.models.unified.weights)


def grid_for(experiment: Experiment, method: str, seed: int, **options: Any) -> LocalGrid:
    """A LocalGrid with one host per node, each with a handle key that repeats with the seed."""
    return LocalGrid(client_app, node_configs(experiment, seed), {"json": experiment.model_dump_json()}, **options)


def node_configs(experiment: Experiment, seed: int) -> list[dict[str, Any]]:
    """What each simulated host is told: which node it is, a handle key that repeats with the seed."""
    places = node_places(experiment)
    return [
        {"partition-id": p.partition, "num-partitions": len(places), "handle-key": f"local-{seed}", "allow-audit": True}
        for p in places
    ]


def run_one(experiment: Experiment, method: str, seed: int, folder: RunFolder, **options: Any) -> dict[str, Any]:
    """One job in this process."""
    return run_on(grid_for(experiment, method, seed, **options), experiment, method, seed, folder)


def run_on(
    grid: LocalGrid | RayGrid, experiment: Experiment, method: str, seed: int, folder: RunFolder
) -> dict[str, Any]:
    """One job on a grid that is its own, which is closed at the end."""
    try:
        result = run_job(grid, experiment, method, seed, folder)
    finally:
        grid.close()
    return add_raw_pairing(experiment, method, seed, folder, result)


def run_in_worker(text: str, method: str, seed: int, folder: str) -> None:
    """One job of an experiment (as JSON) in a process that runs nothing beside it."""
    torch.set_num_threads(1)
    keep_freed_memory()
    experiment, run_folder = Experiment.model_validate_json(text), RunFolder.open(Path(folder))
    with logged(run_folder, method, seed):
        run_one(experiment, method, seed, run_folder)


@contextmanager
def logged(run_folder: RunFolder, method: str, seed: int) -> Iterator[None]:
    """What the job's nodes log goes to its node.log; how it failed, if it does, to its error.json as well."""
    handler = logging.FileHandler(run_folder.job(method, seed) / "node.log", delay=True)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("fedbind")
    logger.addHandler(handler)
    spread, logger.propagate = logger.propagate, False
    try:
        yield
    except Exception:
        logger.exception("the job failed")
        run_folder.write_json(f"jobs/{method}-seed{seed}/error.json", {"traceback": traceback.format_exc()})
        raise
    finally:  # the process's next job has a log of its own
        logger.removeHandler(handler)
        handler.close()
        logger.propagate = spread
