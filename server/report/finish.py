"""The beginning and the end of a run folder: what is written before the first job and after the last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from configs.errors import UserError
from configs.load import check
from configs.paths import with_paths
from configs.schema import Experiment
from configs.yaml_text import is_file, read_yaml
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
    """The folder that a Flower run configuration names (`out`), begun here if nobody has.

    Raises UserError where it holds a run of other settings, whose finished jobs would be taken for this one's.
    """
    out = str(run_config.get("out", "")) or None
    if out is None or not (Path(out) / "config.yaml").is_file():
        return start_run(experiment, out)
    if differ := differing(Path(out), experiment, places=False):
        raise UserError(
            f"the run folder holds a run of other settings: {', '.join(differ)}", where=out,
            todo="name another folder as `out`, or give the settings that the run began with, and it goes on",
        )  # fmt: skip
    return RunFolder.open(Path(out))


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
    """The resolved configuration of an earlier run; raises UserError where none lies there, or its file is not its own."""
    if not is_file(path / "config.yaml"):
        raise UserError("no run lies here", where=str(path), expected="a run folder with its config.yaml")
    tree = read_yaml(path / "config.yaml", "the run's configuration")
    if not isinstance(tree, dict):
        raise UserError(
            "the run's configuration is empty or not a mapping",
            where=str(path / "config.yaml"),
            expected="the file as the run wrote it",
        )
    return tree


def differing(path: Path, experiment: Experiment, places: bool = True) -> list[str]:
    """The settings' sections in which the run that lies at `path` differs; how it runs, seeds and methods may.

    places  False: where files lie is no difference; an engine makes their paths absolute
    Raises UserError where no configuration that can be read lies there.
    """
    earlier, now = check(stored_experiment(path), where=str(path)), experiment  # what is new has its default
    trees = [(each if places else _without_places(each)).model_dump(mode="json") for each in (earlier, now)]
    return sorted(key for key in trees[1] if key not in ("run", "seeds", "methods") and trees[0][key] != trees[1][key])


def _without_places(experiment: Experiment) -> Experiment:
    """Roots left out, and of files the name alone."""
    return with_paths(experiment, lambda root: None, lambda file: file and Path(file).name)


def as_line(summary: Mapping[str, Any]) -> str:
    """One JSON object on one line."""
    return json.dumps(summary, allow_nan=False)
