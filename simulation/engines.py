"""The engines by name: same apps, same run folder, same summary."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from configs.errors import UserError
from configs.nodes import node_places
from configs.schema import Experiment
from server.progress import ProgressView, follow
from server.report.finish import finish_run, start_run
from simulation.jobs import check_before, run_local
from simulation.roots import with_absolute_roots

ENGINES = ("local", "ray", "flower")


def run_experiment(
    experiment: Experiment, engine: str, out: Path | None, view: ProgressView, resume: bool = False
) -> tuple[Path, dict[str, Any]]:
    """Runs the experiment on an engine; returns the run folder and the summary. Raises UserError for an unknown engine."""
    if engine == "local":
        return run_local(experiment, out, view, resume)
    if engine == "ray":
        from simulation.ray_engine.run import run_on_ray

        return run_on_ray(experiment, out, view, resume)
    if engine != "flower":
        raise UserError(f"unknown engine {engine!r}", expected=" or ".join(ENGINES))
    return run_on_flower(experiment, out, view, resume)


def run_on_flower(
    experiment: Experiment, out: Path | None, view: ProgressView, resume: bool = False
) -> tuple[Path, dict[str, Any]]:
    """The same run inside Flower's own Ray simulation, one SuperNode for each node of the experiment."""
    from simulation.flower import run_with_flower

    check_before(experiment)
    folder = start_run(experiment, out, resume)
    settings = with_absolute_roots(experiment)
    run_config: dict[str, str | int | float | bool] = {
        "json": settings.model_dump_json(),
        "out": str(folder.path.resolve()),
    }
    failure: list[BaseException] = []
    stop = threading.Event()

    def work() -> None:
        try:
            run_with_flower(None, run_config, len(node_places(experiment)), folder.path / "flower.log", stop=stop)
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        follow(folder.path, view, thread.is_alive)
    except KeyboardInterrupt:
        stop.set()
        thread.join()  # what Flower started is ended before this returns
        view.close(finish_run(folder, experiment, "interrupted", "stopped by hand"))
        raise
    if failure:
        view.close(finish_run(folder, experiment, "failed", str(failure[0])))
        raise failure[0]
    summary = finish_run(folder, experiment)
    view.close(summary)
    return folder.path, json.loads((folder.path / "summary.json").read_text(encoding="utf-8"))
