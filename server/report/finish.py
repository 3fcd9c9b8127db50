"""The beginning and the end of a run folder: what is written before the first job and after the last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from configs.errors import UserError
from configs.schema import Experiment
from configs.yaml_text import read_yaml
from server.report.page import write_page
from server.report.summary import summarise
from server.tracking import RunFolder, Status, environment


def start_run(experiment: Experiment, out: str | Path | None = None, resume: bool = False) -> RunFolder:
    """The run's folder with its configuration and environment; `out` or `runs/<time>-<name>`.

    With `resume` an earlier folder is opened, and its finished jobs are not run again; its configuration is written anew,
    for a study comes back to a folder with further seeds.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    path = Path(out) if out else Path("runs") / f"{stamp}-{experiment.name}"
    if resume:
        folder = RunFolder.open(path)
    else:
        folder = RunFolder.create(path)
        folder.write_json("environment.json", environment())
    folder.write_yaml("config.yaml", experiment.model_dump(mode="json"))
    folder.write_progress("running", 0, len(experiment.seeds) * len(experiment.methods))
    return folder


def run_folder(experiment: Experiment, run_config: Mapping[str, Any]) -> RunFolder:
    """The folder that a Flower run configuration names (`out`), begun here if nobody has."""
    out = str(run_config.get("out", "")) or None
    begun = out is not None and (Path(out) / "config.yaml").is_file()
    return RunFolder.open(Path(str(out))) if begun else start_run(experiment, out)


def finish_run(
    folder: RunFolder, experiment: Experiment, status: Status = "finished", error: str | None = None
) -> dict[str, Any]:
    """summary.json, report.html and the last word of progress.json, from what the jobs left; returns the summary."""
    found = [folder.read_json(f"jobs/{method}-seed{seed}/result.json") for method, seed, _ in folder.jobs()]
    results = [result for result in found if result is not None]
    data = results[0]["data"] if results else {"name": experiment.data_name, "simulated": None}
    summary = summarise(folder.path.name, data, list(experiment.seeds), results, list(experiment.methods))
    folder.write_json("summary.json", summary)
    folder.write_progress(status, len(results), len(experiment.seeds) * len(experiment.methods), error=error)
    write_page(folder.path)
    return summary


def stored_experiment(path: Path) -> dict[str, Any]:
    """The resolved configuration of an earlier run; raises UserError where its file is not what the run wrote."""
    tree = read_yaml(path / "config.yaml", "the run's configuration")
    if not isinstance(tree, dict):
        raise UserError(
            "the run's configuration is empty or not a mapping",
            where=str(path / "config.yaml"),
            expected="the file as the run wrote it",
        )
    return tree


def as_line(summary: Mapping[str, Any]) -> str:
    """One JSON object on one line."""
    return json.dumps(summary, allow_nan=False)
