"""One job: a method under a seed, with its way to the nodes and its folder."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from configs.nodes import derived_seed
from configs.schema import Experiment
from server.clock import Clock
from server.dispatch import Dispatch
from server.state import JobState
from strategies.registry import rule_of
from strategies.rule import Rule


@dataclass(frozen=True)
class Job:
    """What every phase needs beside the state."""

    experiment: Experiment
    method: str
    seed: int
    dispatch: Dispatch
    folder: Path

    def __post_init__(self) -> None:
        _ = (
            self.rule,
            self.clock,
        )  # a trace that does not fit, and a name that nothing is known under is told before any node is asked

    @cached_property
    def rule(self) -> Rule:
        """The rule of the configuration's strategy; raises UserError where there is none of that name."""
        return rule_of(self.experiment.strategy.name, self.experiment.strategy.parameters)

    @cached_property
    def clock(self) -> Clock | None:
        """Simulated time; None without a trace."""
        return Clock.of(self.experiment, self.rule, self.dispatch)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Marks a phase's start and end, and measures it."""
        started, cpu_started = time.monotonic(), self.cpu_seconds()
        self.dispatch.wire.begin_phase()
        self.dispatch.events.append({"event": "phase", "phase": name, "status": "start"})
        yield
        seconds, cpu = time.monotonic() - started, self.cpu_seconds() - cpu_started
        self.dispatch.tally.cpu_seconds[name] = self.dispatch.tally.cpu_seconds.get(name, 0.0) + cpu
        self.dispatch.tally.seconds[name] = self.dispatch.tally.seconds.get(name, 0.0) + seconds
        self.dispatch.events.append({"event": "phase", "phase": name, "status": "end", "seconds": seconds})

    def cpu_seconds(self) -> float:
        """CPU time until now: this process, its children, and nodes elsewhere as far as the grid counts them."""
        return cpu_seconds() + float(getattr(self.dispatch.grid, "cpu_seconds", 0.0))

    def note(self, text: str) -> None:
        """Says something a person should read."""
        self.dispatch.events.append({"event": "note", "text": text})

    def seed_for(self, *purpose: str | int) -> int:
        """A seed for one purpose of this job."""
        return derived_seed(self.seed, self.method, "server", *purpose)

    def result(self, state: JobState, seconds: float, cpu_seconds: float) -> dict[str, object]:
        """The job's result.json: the figures of the state, and what they cost."""
        tally = self.dispatch.tally
        skipped = {entry["node"] for entry in tally.skipped}
        pairing = state.pairing or {}
        return {
            "method": self.method,
            "seed": self.seed,
            "embeddings": None,
            **state.result,
            "pairing_accuracy": pairing.get("accuracy"),
            "pairing_raw_cosine": pairing.get("raw_cosine_accuracy"),
            "bytes": {
                "up": tally.up,
                "down": tally.down,
                "by_phase": tally.by_phase,
                "by_modality": tally.by_modality,
                "by_block": tally.by_block,
            },
            "seconds": {"total": seconds, "by_phase": tally.seconds, "cpu_by_phase": tally.cpu_seconds},
            "cpu_seconds": cpu_seconds,
            **self._simulated(),
            "strategy": self._strategy(),
            "nodes": {"ok": len(set(state.manifests) - skipped), "skipped": tally.skipped},
            "data_skipped": [
                {"where": f"node {p}", "reason": f"{m.skipped} files or signals left out as corrupt"}
                for p, m in state.manifests.items()
                if m.skipped
            ],
        }

    def _simulated(self) -> dict[str, object]:
        """Simulated seconds, where there is a trace."""
        by_phase = self.dispatch.tally.simulated
        return {} if self.clock is None else {"simulated_seconds": {"total": self.clock.now, "by_phase": by_phase}}

    def _strategy(self) -> dict[str, object]:
        """What aggregated, and which blocks stayed as they were because the rule refused: how often, and why first."""
        settings = self.experiment.strategy
        return {
            **settings.model_dump(include={"name", "weights", "parameters", "fraction"}),
            "refused": self.dispatch.tally.refused,
        }


def cpu_seconds() -> float:
    """CPU time of this process and of the children it has waited for."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
