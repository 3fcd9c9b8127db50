"""Pre-training that jobs have in common: what it left is kept in a folder, and a job that would do the same takes it over.

Jobs that differ in the labels, the epochs or the rates of fine-tuning, or in what is evaluated, pre-train alike to the
last bit. The key says everything else: the experiment, method and seed, the versions that compute, and fedbind's own
source text, so that nothing is taken over from a job that could have come out otherwise.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from configs.schema import Experiment
from protocol.frozen import AXES, BLOCK, MIXTURE
from protocol.manifest import Manifest
from server.bound import keep_bound
from server.job import Job
from server.resume import Progress, keep, kept
from server.state import JobState, save_blocks
from server.tracking import environment

_LATER = ("name", "seeds", "methods", "run", "finetune", "self_training")  # sections that pre-training does not read
_LATER_EVALUATION = ("curve", "curve_every", "embeddings", "personal")
_PROBING = ("folds",)  # and the fine-tuning labels: read by what is measured between rounds, else not
_LABELS = ("labels_per_class", "labels_share")
_ROOMS = ("configs", "protocol", "models", "strategies", "client", "server")


def key_of(experiment: Experiment, method: str, seed: int) -> str:
    """What a job's pre-training follows from, as 32 hexadecimal digits."""
    told = experiment.model_dump(mode="json", exclude=set(_LATER))
    probing = experiment.evaluation.every > 0
    for name in (*_LATER_EVALUATION, *(() if probing else _PROBING)):
        del told["evaluation"][name]
    for name in () if probing else _LABELS:
        del told["groups"]["finetune"][name]
    for section in ("epochs", "rounds"):
        del told[section]["finetune"], told[section]["self_training"]
    text = json.dumps([told, method, seed, environment([])["packages"], _source()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def keep_for_others(job: Job, progress: Progress) -> None:
    """Keeps what pre-training left, where `run.pretraining` names a folder; not if a node or a block was left out."""
    if (folder := _folder(job)) is not None and not (progress.tally.skipped or progress.tally.refused):
        keep(folder, progress)


def taken_over(job: Job, begun: Progress, phases: int) -> Progress:
    """The end of a like job's pre-training where one is kept, else `begun` as it is.

    begun   where this job stands; a job that has done a phase goes on by itself
    phases  how many pre-training has

    The nodes must say of themselves what they said then, but for fine-tuning labels. Costs are those of the training
    that was taken over.
    """
    folder = _folder(job)
    if folder is None or begun.done or not phases:
        return begun
    try:
        found = kept(folder)
    except ValueError as error:
        job.note(f"the pre-training that was kept for like jobs is of no use: {error}")
        return begun
    if found is None or found.done != phases or not _alike(found.state, begun.state):
        return begun
    job.note("pre-training was taken over from a like job; its costs are counted here as well")
    state = replace(found.state, manifests=begun.state.manifests)
    save_blocks({name: block for name, block in state.blocks.items() if name != BLOCK}, job.folder / "checkpoint")
    keep_bound(state, job.folder)
    job.dispatch.tally = found.tally
    return replace(found, state=state)


def _folder(job: Job) -> Path | None:
    kept_in = job.experiment.run.pretraining
    if kept_in is None or job.clock is not None:  # simulated time does not stand in a state
        return None
    return Path(kept_in) / key_of(job.experiment, job.method, job.seed)


def _alike(one: JobState, other: JobState) -> bool:
    """Whether the nodes hold what they held, as far as they say: counts, and sums over their recordings.

    Axes of latents follow from these; a job that has only begun knows none yet.
    """
    return _unlabelled(one.manifests) == _unlabelled(other.manifests) and _same(_moments(one), _moments(other))


def _moments(state: JobState) -> dict[str, dict[str, Any]]:
    return {
        group: {name: block for name, block in told.items() if not name.startswith((AXES, MIXTURE))}
        for group, told in state.normalisation.items()
    }


def _unlabelled(manifests: Mapping[int, Manifest]) -> dict[int, Manifest]:
    return {p: replace(m, labelled=0) if m.group == "finetune" else m for p, m in manifests.items()}


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    return bool(np.array_equal(one, other, equal_nan=True))


@lru_cache(maxsize=1)
def _source() -> str:
    """A digest of the program's text."""
    top = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(path for room in _ROOMS for path in (top / room).rglob("*.py")):
        digest.update(path.relative_to(top).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
