"""Jobs of several run folders side by side, so that a grid of small runs keeps every core busy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from configs.errors import UserError
from configs.schema import Experiment
from server.report.finish import finish_run, start_run
from server.tracking import RunFolder, Status
from simulation.jobs import run_in_worker
from simulation.workers import cores, stop, worker_pool

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Task:
    """One method under one seed of an experiment whose run folder may hold others."""

    called: str
    experiment: Experiment
    folder: Path
    method: str
    seed: int

    @property
    def result(self) -> Path:
        """Where its result lies once it is finished."""
        return self.folder / "jobs" / f"{self.method}-seed{self.seed}" / "result.json"


def run_tasks(
    tasks: Sequence[Task], workers: int, tell: Tell, after_each: Callable[[], object] = lambda: None
) -> dict[int, str]:
    """Runs those without a result, in their order as workers come free; by place in `tasks` why one failed.

    workers     processes; 0: one per core. With one, jobs run in this process.
    after_each  called whenever a job ended
    The others go on where one fails. Every folder ends as a whole run folder, also where the run is stopped by hand.
    """
    wanted = {at: task for at, task in enumerate(tasks) if not task.result.is_file()}
    folders = {task.folder: task.experiment for task in wanted.values()}
    for folder, experiment in folders.items():
        start_run(experiment, folder, resume=(folder / "config.yaml").is_file())
    failed: dict[int, str] = {}
    many = min(workers or cores(), max(len(wanted), 1))
    try:
        with _running(wanted, many) as ended:
            for done, (at, error, seconds) in enumerate(ended, start=1):
                said = f"{seconds:.0f} s" if error is None else f"failed: {error}"
                tell(f"[{done}/{len(wanted)}] {wanted[at].called}: {said}")
                if error is not None:
                    failed[at] = error
                after_each()
    finally:  # stopped by hand too
        for folder, experiment in folders.items():
            own = {at for at, task in wanted.items() if task.folder == folder}
            whole = all(wanted[at].result.is_file() for at in own)
            why = "\n".join(failed[at] for at in sorted(own & set(failed))) or None
            status: Status = "finished" if whole else "failed" if why else "interrupted"
            finish_run(RunFolder.open(folder), experiment, status, why)
    return failed


Ended = Iterator[tuple[int, str | None, float]]


@contextmanager
def _running(tasks: dict[int, Task], workers: int) -> Iterator[Ended]:
    """Which task ended, with what error (None for none) and after how many seconds, as they end."""
    if workers == 1:
        yield ((at, *_timed(task)) for at, task in tasks.items())
        return
    pool = worker_pool(workers)
    try:
        pending = {pool.submit(_timed, task): at for at, task in tasks.items()}
        yield ((pending[future], *_outcome(future)) for future in as_completed(pending))
    except BaseException:
        stop(pool)
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _outcome(future: object) -> tuple[str | None, float]:
    error = future.exception()  # type: ignore[attr-defined]
    return (str(error) or type(error).__name__, 0.0) if error is not None else future.result()  # type: ignore[attr-defined]


def _timed(task: Task) -> tuple[str | None, float]:
    """Runs one job; its error as text, and how long it took."""
    began = time.monotonic()
    error = None
    try:
        run_in_worker(task.experiment.model_dump_json(), task.method, task.seed, str(task.folder))
    except UserError as fault:
        error = f"{fault.what} ({fault.where})" if fault.where else fault.what
    except Exception as fault:
        error = f"{type(fault).__name__}: {fault}"
    return error, time.monotonic() - began
