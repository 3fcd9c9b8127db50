"""How far a run has come, for a person at a terminal, for a log file, or for another program.

Everything here goes to the stream it is given (stderr, so that stdout stays clean for --json). Jobs run side by
side; each is known by (method, seed). Times left are estimates from what has finished, and "?" until something has.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from server.tracking import METRICS, Event, EventTail, RunFolder, printable

Kind = Literal["auto", "rich", "plain", "json"]
JobKey = tuple[str, int]

ROUNDS_BETWEEN_LINES = 10
SECONDS_BETWEEN_LINES = 5.0
SECONDS_BETWEEN_PICTURES = 0.125
SKIPS_SHOWN = 3  # per job and phase; the others are counted


@dataclass
class JobState:
    """What the events of one job have told so far."""

    rounds_planned: dict[str, int] = field(default_factory=dict)  # phase -> rounds, in order
    rounds_done: dict[str, int] = field(default_factory=dict)
    phase_seconds: dict[str, float] = field(default_factory=dict)  # of phases that ended
    phase_began: float = 0.0  # on the job's own clock
    phase: str = ""
    t: float = 0.0
    nodes: dict[str, int] = field(default_factory=dict)
    loss: float | None = None
    traffic: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)  # (phase, round) -> up, down
    skips: dict[str, int] = field(default_factory=dict)  # phase -> how many
    heard_at: float = 0.0  # on the view's clock
    rounds_since_line: int = ROUNDS_BETWEEN_LINES
    line_at: float = float("-inf")
    has_result: bool = False

    @property
    def finished(self) -> bool:
        return self.has_result or (bool(self.rounds_planned) and list(self.rounds_planned)[-1] in self.phase_seconds)

    @property
    def bytes_up(self) -> int:
        return sum(up for up, _ in self.traffic.values())

    @property
    def bytes_down(self) -> int:
        return sum(down for _, down in self.traffic.values())

    def take(self, event: Mapping[str, Any]) -> None:
        """Take one event in; an event of an unknown kind changes nothing but the time."""
        self.t = max(self.t, event.get("t") or 0.0)
        kind, phase = event["event"], event.get("phase", "")
        if kind == "plan":
            self.rounds_planned = {part["phase"]: int(part.get("rounds") or 1) for part in event["phases"]}
        elif kind == "phase" and event["status"] == "start":
            self.phase, self.phase_began, self.loss = phase, self.t, None
        elif kind == "phase":
            self.phase_seconds[phase] = event.get("seconds") or self.t - self.phase_began
            self.rounds_done[phase] = max(self.rounds_done.get(phase, 0), self.rounds_planned.get(phase, 0))
        elif kind == "round":
            self.phase = phase
            self.rounds_done[phase] = event["round"]
            self.rounds_planned[phase] = event.get("rounds") or self.rounds_planned.get(phase, event["round"])
            self.nodes = dict(event.get("nodes") or {})
            self.traffic[phase, event["round"]] = (event.get("bytes_up") or 0, event.get("bytes_down") or 0)
            self.loss = event.get("loss")
        elif kind == "epoch":
            self.phase = phase
            self.rounds_done[phase] = event["epoch"]
            self.loss = event.get("loss")
        elif kind == "skip":
            self.skips[phase] = self.skips.get(phase, 0) + 1

    def seconds_per_round(self, phase: str) -> float | None:
        """Mean over the finished rounds of a phase of this job, or None before the first."""
        done = self.rounds_done.get(phase, 0)
        if phase in self.phase_seconds:
            return self.phase_seconds[phase] / max(done, 1)
        return (
            (self.t - self.phase_began) / done if done and phase == self.phase and self.t > self.phase_began else None
        )


def seconds_left_of_job(job: JobState, others: list[JobState]) -> float | None:
    """Rounds that remain times their mean seconds, taken from this job, else from the other jobs.

    None where a phase with more than one round has been timed nowhere yet; an untimed phase of one step counts 0.
    """
    left = 0.0
    for phase, planned in job.rounds_planned.items():
        remaining = 0 if phase in job.phase_seconds else planned - job.rounds_done.get(phase, 0)
        if remaining <= 0:
            continue
        own = job.seconds_per_round(phase)
        known = [own] if own is not None else [s for o in others if (s := o.seconds_per_round(phase)) is not None]
        if known:
            left += remaining * sum(known) / len(known)
        elif planned > 1:
            return None
    return left if job.rounds_planned else None


def seconds_left_of_run(states: list[JobState], jobs: int | None, now: float) -> float | None:
    """Until the last job ends, if as many jobs go on running side by side as now; None where it cannot be told."""
    running = [state for state in states if not state.finished]
    durations = [state.t for state in states if state.finished]
    waiting = max((jobs or len(states)) - len(states), 0)
    if not running and waiting:
        return None
    left = []
    for state in running:
        estimate = seconds_left_of_job(state, [other for other in states if other is not state])
        if estimate is None:
            return None
        left.append(max(estimate - (now - state.heard_at), 0.0))
    if not waiting:
        return max(left, default=0.0)
    if not durations:
        return None
    return max(max(left), (sum(left) + waiting * sum(durations) / len(durations)) / len(running))


class ProgressView:
    """Shows the events of a run's jobs on one stream: a live table, plain lines, or the events as JSON lines."""

    def __init__(
        self,
        stream: TextIO,
        kind: Kind = "auto",
        *,
        jobs: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`jobs` is how many jobs the run has, where known; `clock` gives seconds that never go back."""
        if kind == "auto":
            kind = "rich" if stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown") else "plain"
        self.kind: Kind = kind
        self.states: dict[JobKey, JobState] = {}
        self._stream, self._jobs, self._clock = stream, jobs, clock
        self._began = clock()
        self._pictured_at = float("-inf")
        self._notes: dict[str, None] = {}
        self._live: Live | None = None
        self._closed = False

    def expect(self, jobs: int) -> None:
        """Say how many jobs the run has in all."""
        self._jobs = jobs

    def update(self, event: Event) -> None:
        """Take in and show one event of one job."""
        key = (str(event.get("method", "?")), int(event.get("seed", 0)))
        state = self.states.setdefault(key, JobState(heard_at=self._clock()))
        state.take(event)
        state.heard_at = self._clock()
        if self.kind == "json":
            self._stream.write(json.dumps(event) + "\n")
            self._stream.flush()
        elif self.kind == "plain":
            self._say_plainly(key, state, event)
        else:
            if event["event"] == "note":
                self._note(printable(event["text"]))
            self.tick()

    def finish(self, method: str, seed: int) -> None:
        """Say that a job has its result, also where its last planned phase was never reported."""
        self.states.setdefault((method, seed), JobState(heard_at=self._clock())).has_result = True

    def tick(self) -> None:
        """Redraw the live table if it is due; does nothing for the other kinds."""
        now = self._clock()
        if self.kind == "rich" and not self._closed and now - self._pictured_at >= SECONDS_BETWEEN_PICTURES:
            self._pictured_at = now
            self._picture()

    def close(self, summary: Mapping[str, Any] | None = None) -> None:
        """Leave the last state on the screen, and the summary's headline under it; a second call does nothing."""
        if self._closed:
            return
        if self.kind == "rich":
            self._picture()
        self._closed = True
        if self._live is not None:
            self._live.stop()
        finished = sum(state.finished for state in self.states.values())
        jobs = max(self._jobs or 0, len(self.states))
        if self.kind == "json":
            line = {"event": "closed", "jobs_done": finished, "jobs": jobs, "complete": summary is not None}
            self._stream.write(json.dumps(line) + "\n")
        else:
            if summary is None:
                self._stream.write(f"Stopped with {finished} of {jobs} jobs finished.\n")
            else:
                self._stream.write("\n".join(headline_lines(summary)) + "\n")
        self._stream.flush()

    def _note(self, line: str) -> bool:
        new = line not in self._notes
        self._notes[line] = None
        return new

    def _say_plainly(self, key: JobKey, state: JobState, event: Event) -> None:
        name, kind = _job_name(key), event["event"]
        phase = printable(event.get("phase", ""))
        now = self._clock()
        if kind == "note" and self._note(printable(event["text"])):
            self._line(f"{name}: {printable(event['text'])}")
        elif kind == "skip" and state.skips[event.get("phase", "")] <= SKIPS_SHOWN:
            reason, more = printable(event["reason"]), state.skips[event.get("phase", "")] == SKIPS_SHOWN
            self._line(
                f"{name} {phase} round {event.get('round', '?')}: node {printable(event['node'])} skipped: {reason}"
                + (" (more skips of this phase are only counted)" if more else "")
            )
        elif kind == "phase" and event["status"] == "end":
            skipped = f", {state.skips[phase]} skipped replies" if state.skips.get(phase) else ""
            took = duration(state.phase_seconds[event.get("phase", "")])
            self._line(f"{name} {phase} done in {took}{_loss(state)}{skipped}; {self._totals(state)}")
            state.line_at, state.rounds_since_line = now, 0
        elif kind in ("round", "epoch"):
            state.rounds_since_line += 1
            if state.rounds_since_line >= ROUNDS_BETWEEN_LINES or now - state.line_at >= SECONDS_BETWEEN_LINES:
                place = f"{kind} {event[kind]}/{state.rounds_planned.get(event.get('phase', ''), '?')}"
                nodes = f", nodes {_nodes(state)}" if kind == "round" else ""
                self._line(f"{name} {phase} {place}{nodes}{_loss(state)}; {self._totals(state)}")
                state.line_at, state.rounds_since_line = now, 0

    def _totals(self, state: JobState) -> str:
        return (
            f"up {size(state.bytes_up)}, down {size(state.bytes_down)}; "
            f"left {duration(self._left_of(state))} (run {duration(self._left())})"
        )

    def _line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()

    def _left_of(self, state: JobState) -> float | None:
        left = seconds_left_of_job(state, [other for other in self.states.values() if other is not state])
        return None if left is None else max(left - (self._clock() - state.heard_at), 0.0)

    def _left(self) -> float | None:
        return seconds_left_of_run(list(self.states.values()), self._jobs, self._clock())

    def _picture(self) -> None:
        if self._live is None:
            console = Console(file=self._stream)
            self._live = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
            self._live.start()
        self._live.update(self._table(), refresh=True)

    def _table(self) -> Table:
        finished = sum(state.finished for state in self.states.values())
        jobs = max(self._jobs or 0, len(self.states))
        took, left = duration(self._clock() - self._began), duration(self._left())
        caption = "\n".join(list(self._notes)[-3:])
        table = Table(
            title=Text(f"{finished} of {jobs} jobs done, {took} gone, {left} left"),
            title_justify="left",
            caption=Text(caption) if caption else None,
            caption_justify="left",
            box=None,
            pad_edge=False,
            header_style="bold",
        )
        for heading in ("job", "phase", "round", "ok/late/skipped", "loss", "up", "down", "left"):
            table.add_column(heading, justify="left" if heading in ("job", "phase") else "right", no_wrap=True)
        for key, state in self.states.items():
            if not state.finished:
                table.add_row(*(Text(cell) for cell in self._row(key, state)))
        if finished:
            done = [state for state in self.states.values() if state.finished]
            up, down = sum(s.bytes_up for s in done), sum(s.bytes_down for s in done)
            cells = (f"{finished} finished", "", "", "", "", size(up), size(down), "")
            table.add_row(*(Text(cell, style="dim") for cell in cells))
        return table

    def _row(self, key: JobKey, state: JobState) -> tuple[str, ...]:
        planned, done = state.rounds_planned.get(state.phase, 1), state.rounds_done.get(state.phase, 0)
        return (
            _job_name(key),
            printable(state.phase or "starting"),
            f"{done}/{planned}" if planned > 1 else "",
            _nodes(state) if state.nodes else "",
            "" if state.loss is None else f"{state.loss:.4f}",
            size(state.bytes_up),
            size(state.bytes_down),
            duration(self._left_of(state)),
        )


def follow(
    run_folder: Path,
    view: ProgressView,
    alive: Callable[[], bool],
    *,
    poll_s: float = 0.2,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Feed the view from the jobs' event logs as they appear and grow, until `alive()` is false and all is read."""
    tails: dict[Path, EventTail] = {}
    while True:
        running = alive()  # asked before reading, so that nothing written before the end is missed
        _expect_jobs(run_folder, view)
        for method, seed, folder in RunFolder(run_folder).jobs():
            for event in tails.setdefault(folder, EventTail(folder / METRICS)).read():
                view.update({"method": method, "seed": seed, **event})
            if (folder / "result.json").exists():
                view.finish(method, seed)
        view.tick()
        if not running:
            return
        sleep(poll_s)


def _expect_jobs(run_folder: Path, view: ProgressView) -> None:
    try:
        jobs = json.loads((run_folder / "progress.json").read_text(encoding="utf-8"))["jobs"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if isinstance(jobs, int):
        view.expect(jobs)


def headline_lines(summary: Mapping[str, Any]) -> list[str]:
    """One line on the data, then one per method: accuracy and macro-F1, mean over seeds with standard deviation."""
    data = summary["data"]
    kind = {True: "SIMULATED data", False: "real data", None: "data not yet reported"}[data["simulated"]]
    lines = [f"{kind} ({printable(data['name'])}), {_count(len(summary['seeds']), 'seed')}"]
    width = max((len(method) for method in summary["methods"]), default=0)
    for method, figures in summary["methods"].items():
        accuracy = _mean_and_std(figures["accuracy"], 100, 1)
        lines.append(f"{method:<{width}}  accuracy {accuracy} %  macro-F1 {_mean_and_std(figures['macro_f1'], 1, 3)}")
    if summary.get("incomplete"):
        lines.append(f"{_count(len(summary['incomplete']), 'job')} did not finish.")
    return lines


def _mean_and_std(spread: Mapping[str, Any] | None, scale: float, digits: int) -> str:
    if spread is None:
        return "?"
    std = "" if spread["std"] is None else f" ± {spread['std'] * scale:.{digits}f}"
    return f"{spread['mean'] * scale:.{digits}f}{std}"


def _count(many: int, what: str) -> str:
    return f"{many} {what}" if many == 1 else f"{many} {what}s"


def _job_name(key: JobKey) -> str:
    return f"{printable(key[0])} seed {key[1]}"


def _nodes(state: JobState) -> str:
    return "/".join(str(state.nodes.get(kind, 0)) for kind in ("ok", "late", "skipped"))


def _loss(state: JobState) -> str:
    return "" if state.loss is None else f", loss {state.loss:.4f}"


def duration(seconds: float | None) -> str:
    """'?', '4 s', '3:05' (minutes) or '2:03:05' (hours)."""
    if seconds is None:
        return "?"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def size(count: float) -> str:
    """Bytes in powers of 1000: '980 B', '1.2 MB'."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
