"""A run folder read back whole, as far as the run came: the only door through which the page sees a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from configs.errors import UserError
from server.report.summary import headline_method, summarise
from server.tracking import METRICS, Event, RunFolder, read_events


@dataclass(frozen=True)
class JobRecord:
    """One (method, seed): its events, and its result and pairing where it came so far (else None)."""

    method: str
    seed: int
    events: list[Event]
    result: dict[str, Any] | None
    pairing: dict[str, Any] | None

    def rounds(self, phase: str) -> list[Event]:
        """The rounds of a phase in order; of a round run twice (resumed after a kill) the later one."""
        return self._last("round", phase)

    def epochs(self) -> list[Event]:
        """The fine-tuning epochs in order; of an epoch run twice the later one."""
        return self._last("epoch", None)

    def _last(self, kind: str, phase: str | None) -> list[Event]:
        chosen = [e for e in self.events if e["event"] == kind and (phase is None or e.get("phase") == phase)]
        by_number = {event[kind]: event for event in chosen}
        return [by_number[number] for number in sorted(by_number)]

    @property
    def phases_with_rounds(self) -> list[str]:
        """Names of the phases that have reported rounds, in the order of the run."""
        return list(dict.fromkeys(event["phase"] for event in self.events if event["event"] == "round"))

    @property
    def place(self) -> str:
        """Where the job stands, in words."""
        if self.result is not None:
            return "finished"
        for event in reversed(self.events):
            if event["event"] == "round":
                return f"{event['phase']}, round {event['round']} of {event.get('rounds', '?')}"
            if event["event"] == "epoch":
                return f"fine-tune, epoch {event['epoch']}"
            if event["event"] == "phase":
                return f"{event['phase']}, {'begun' if event['status'] == 'start' else 'done'}"
        return "begun"


@dataclass(frozen=True)
class RunRecord:
    """A run: its settings and surroundings as written, how far it came, its jobs and their summary.

    `simulated` is None where no job came far enough to say what the data were.
    """

    name: str
    config_text: str
    environment: dict[str, Any]
    progress: dict[str, Any]
    jobs: list[JobRecord]
    summary: dict[str, Any]
    simulated: bool | None
    missing: list[tuple[str, int]] = field(default_factory=list)  # asked for and never begun

    @property
    def finished_jobs(self) -> list[JobRecord]:
        """The jobs that have a result."""
        return [job for job in self.jobs if job.result is not None]

    @property
    def jobs_asked(self) -> int:
        """How many jobs the run was asked for, as far as is known."""
        return max(self.progress.get("jobs") or 0, len(self.jobs) + len(self.missing))

    @property
    def whole(self) -> bool:
        """Whether every job that was asked for has a result."""
        return len(self.finished_jobs) == self.jobs_asked and bool(self.finished_jobs)

    @property
    def methods(self) -> list[str]:
        """Methods with results first, then those with jobs only, in the order of the run."""
        return list(dict.fromkeys([*self.summary["methods"], *(job.method for job in self.jobs)]))

    @property
    def headline(self) -> str | None:
        """The method whose matrices and curves stand in front."""
        return headline_method(self.summary["methods"] or self.methods)

    def of(self, method: str | None) -> list[JobRecord]:
        """The jobs of a method, by seed."""
        return [job for job in self.jobs if job.method == method]


def read_run(path: Path) -> RunRecord:
    """Everything the page is made of; UserError where there is no run or a file of it is damaged.

    The summary is made anew from the results at hand, so that the page of a resumed run cannot show an old one.
    """
    folder = RunFolder.open(path)
    config_path = path / "config.yaml"
    config_text = config_path.read_text(encoding="utf-8", errors="replace") if config_path.is_file() else ""
    config = _config(config_text)
    jobs = [
        JobRecord(
            method,
            seed,
            read_events(job / METRICS),
            folder.read_json(job.relative_to(path) / "result.json"),
            folder.read_json(job.relative_to(path) / "pairing.json"),
        )
        for method, seed, job in folder.jobs()
    ]
    methods = _listed(config, "methods") or list(dict.fromkeys(job.method for job in jobs))
    methods += [job.method for job in jobs if job.method not in methods]
    seeds = _listed(config, "seeds") or sorted({job.seed for job in jobs})
    seeds += sorted({job.seed for job in jobs} - set(seeds))
    jobs.sort(key=lambda job: (methods.index(job.method), seeds.index(job.seed)))
    results = [job.result for job in jobs if job.result is not None]
    asked = config.get("data")
    data = {
        "name": asked.get("name", "unknown data") if isinstance(asked, dict) else "unknown data",
        "simulated": False,
    }
    if results:
        data = results[0]["data"]
    name = str(config.get("name") or path.resolve().name)
    begun = {(job.method, job.seed) for job in jobs}
    return RunRecord(
        name=name,
        config_text=config_text,
        environment=folder.read_json("environment.json") or {},
        progress=folder.read_json("progress.json") or {},
        jobs=jobs,
        summary=summarise(name, data, seeds, results, [m for m in methods]),
        simulated=bool(data["simulated"]) if results else None,
        missing=[(method, seed) for method in methods for seed in seeds if (method, seed) not in begun],
    )


def _config(text: str) -> dict[str, Any]:
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as fault:
        raise UserError(
            f"config.yaml of the run cannot be read: {fault}", expected="the file as the run wrote it"
        ) from fault
    return config if isinstance(config, dict) else {}


def _listed(config: dict[str, Any], key: str) -> list[Any]:
    value = config.get(key)
    if isinstance(value, list):
        return list(dict.fromkeys(value))
    return [] if value is None else [value]
