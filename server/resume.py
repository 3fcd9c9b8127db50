"""A job's state between two phases, on disk: what was stopped goes on at the phase where it stopped.

One safetensors file, replaced in one step. Arrays are its tensors; everything else is JSON in its metadata, in which an
array stands as its tensor's name. Nothing is unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from protocol.manifest import Manifest, ModalityManifest
from server.binding.bind import Embedded, Pairs
from server.binding.steps import Step
from server.dispatch import Tally
from server.job import Job
from server.state import JobState
from server.tracking import write_atomically

FILE = "state.safetensors"


@dataclass(frozen=True)
class Progress:
    """How far a job came: its state after `done` phases, what travelled until then, and what it took."""

    done: int
    state: JobState
    tally: Tally
    seconds: float
    cpu_seconds: float


_KINDS: dict[str, type] = {
    kind.__name__: kind for kind in (Progress, JobState, Tally, Manifest, ModalityManifest, Embedded, Pairs, Step)
}


def keep(folder: Path, progress: Progress) -> None:
    """Replaces what was kept of the job before."""
    arrays: dict[str, np.ndarray] = {}
    tree = json.dumps(_plain(progress, arrays))
    write_atomically(folder / FILE, save(arrays, {"tree": tree}))


def kept(folder: Path) -> Progress | None:
    """What was kept last; None where there is nothing, ValueError where it cannot be read."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
            found = _whole(json.loads((file.metadata() or {})["tree"]), arrays)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{FILE} cannot be read ({type(error).__name__})") from error
    if not isinstance(found, Progress):
        raise ValueError(f"{FILE} holds no job")
    return found


def forget(folder: Path) -> None:
    """A finished job needs it no more."""
    (folder / FILE).unlink(missing_ok=True)


def taken_up(job: Job, described: JobState) -> Progress:
    """Where the job goes on: behind what an earlier start kept, if the nodes say of themselves what they said then.

    described  the state after `describe`, which finds the nodes anew on every start

    Nodes that hold something else now, and a file that cannot be read, make the job begin again, and a note says so.
    """
    beginning = Progress(0, described, job.dispatch.tally, 0.0, 0.0)
    try:
        earlier = kept(job.folder)
    except ValueError as error:
        job.note(f"what an earlier start kept is of no use: {error}; this job begins again")
        return beginning
    if earlier is None:
        return beginning
    before, now = dict(earlier.state.manifests), dict(described.manifests)
    if before != now:
        alike = _without_handles(before) == _without_handles(now)
        what = "have named their samples anew since" if alike else "say something else of themselves than before"
        job.note(f"the nodes {what} the stop: this job begins again")
        return beginning
    job.note(f"goes on after {earlier.done} phases that an earlier start finished")
    job.dispatch.tally = earlier.tally
    return earlier


def _without_handles(manifests: Mapping[int, Manifest]) -> dict[int, Manifest]:
    return {partition: replace(manifest, handles="") for partition, manifest in manifests.items()}


def _plain(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The value as JSON, its arrays put into `arrays`. Mappings become lists of pairs, since their keys may be numbers."""
    if isinstance(value, np.ndarray):
        name = f"{len(arrays)}"
        arrays[name] = np.ascontiguousarray(value)
        return {"array": name, "shape": list(value.shape)}
    if is_dataclass(value) and not isinstance(value, type):
        told = {field.name: _plain(getattr(value, field.name), arrays) for field in fields(value)}
        return {"kind": type(value).__name__, "fields": told}
    if isinstance(value, Mapping):
        return {"pairs": [[_plain(key, arrays), _plain(item, arrays)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_plain(item, arrays) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _whole(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The reverse of `_plain`; raises KeyError or TypeError for what it did not make."""
    if isinstance(value, list):
        return [_whole(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]].reshape(value["shape"])
    if "pairs" in value:
        return {_whole(key, arrays): _whole(item, arrays) for key, item in value["pairs"]}
    return _KINDS[value["kind"]](**{name: _whole(item, arrays) for name, item in value["fields"].items()})
