"""Retrieval in a finished run: for a recording of one sensor the most alike recordings of another, by what was learnt.

The networks are those that pre-training left (`checkpoint/bound`), the recordings are read again from where the run had
them. All of it happens on this machine: nothing travels, and nothing is clipped, noised or quantised.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from client.data.holdings import check_data
from client.data.samples import SampleSet, concatenate
from client.frozen import take_axes, take_encoder
from client.handlers.contrast import embedded
from client.node import Node
from client.store import MemoryStore
from configs.errors import UserError, unknown_name
from configs.load import check, overridden
from configs.nodes import modalities_of, node_places
from configs.schema import Experiment
from models.vqvae import digest
from protocol.frozen import BLOCK
from protocol.payload import Block, Payload
from server.bound import load_bound
from server.measures.figures import across
from server.measures.retrieval import Retrieval
from server.measures.samples import Samples, evenly_picked
from server.report.finish import stored_experiment
from server.report.summary import headline_method
from server.tracking import RunFolder

_ROOT = re.compile(r"(data|further_data\.[^.=]+)\.root=")


@dataclass(frozen=True)
class Question:
    """What is looked for. None: the run's main method, its first finished seed, the group's first sensors, some recordings."""

    method: str | None = None
    seed: int | None = None
    source: str | None = None  # the sensor of the query
    target: str | None = None  # the sensor of what is found
    group: str = "test"
    top: int = 5
    recording: int | None = None
    count: int = 3


@dataclass(frozen=True)
class Recording:
    """One sample of the group: its number there, whose it is, and its class (None where unlabelled)."""

    index: int
    subject: str
    label: str | None


@dataclass(frozen=True)
class Found:
    """One answer, its cosine, and what it is to the query: `same` recording, another `window` of it, or `other`."""

    recording: Recording
    similarity: float
    relation: str


@dataclass(frozen=True)
class Retrieved:
    """Some queries with their answers, the best first, and retrieval over the whole group."""

    method: str
    seed: int
    source: str
    target: str
    group: str
    data: dict[str, Any]
    queries: list[tuple[Recording, list[Found]]]
    same_recording: Retrieval | None
    same_class: Retrieval | None

    def plain(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return asdict(self) | {
            "queries": [{"query": asdict(q), "found": [asdict(f) for f in fs]} for q, fs in self.queries]
        }


def retrieve(run: Path, question: Question, overrides: Sequence[str] = ()) -> Retrieved:
    """The answers of one finished job; raises UserError for what cannot be asked of this run.

    overrides  `data.root=FOLDER` and `further_data.NAME.root=FOLDER` alone: where the recordings lie now
    """
    folder = RunFolder.open(run)
    experiment = _experiment(run, overrides)
    method, seed, job = _job(folder, question)
    blocks = load_bound(job, question.group)
    trained = sorted(name.partition(".")[2] for name in blocks if name.startswith("projection."))
    if not trained:
        raise UserError(
            f"{method} left no embeddings: it trains no projection, or its run kept none",
            where=str(job), expected="checkpoint/bound", todo="choose another --method, or run again",
        )  # fmt: skip
    source, target = _sensors(experiment, method, question, trained)
    samples, views, data, classes = _embedded(experiment, method, seed, question.group, blocks, (source, target))
    queries = _queries(question, source, np.flatnonzero(views.present[source]), len(samples))
    recordings = [
        Recording(i, str(subject), classes[label] if label >= 0 else None)
        for i, (subject, label) in enumerate(zip(samples.subject.tolist(), samples.label.tolist(), strict=True))
    ]
    answers = [_answers(i, samples, views, source, target, question.top, recordings) for i in queries]
    asked = [(recordings[i], found) for i, found in zip(queries, answers, strict=True)]
    return Retrieved(method, seed, source, target, question.group, data, asked, *across(views, source, target))


def _experiment(run: Path, overrides: Sequence[str]) -> Experiment:
    """The run's own configuration, with the folder of recordings replaced where one is named."""
    path = run / "config.yaml"
    if not path.is_file():
        raise UserError("the run does not say how it was configured", where=str(path), expected="config.yaml")
    for text in overrides:
        if not _ROOT.match(text):
            raise UserError(
                "a finished run keeps its configuration", where=text,
                expected="data.root=FOLDER, or further_data.NAME.root=FOLDER, alone",
                todo="`fedbind run` runs with another one",
            )  # fmt: skip
    experiment = check(overridden(stored_experiment(run), overrides), where=str(path))
    check_data(experiment)
    return experiment


def _job(folder: RunFolder, question: Question) -> tuple[str, int, Path]:
    """Method, seed and folder of the finished job that is meant."""
    finished = [(m, s, path) for m, s, path in folder.jobs() if (path / "result.json").is_file()]
    if not finished:
        raise UserError(
            "no job of this run has finished", where=str(folder.path), todo="`fedbind run --resume` goes on"
        )
    methods = list(dict.fromkeys(m for m, _, _ in finished))
    method = question.method or str(headline_method(methods))
    if method not in methods:
        raise unknown_name("method", method, methods, where="--method")
    seeds = {s: path for m, s, path in finished if m == method}
    seed = min(seeds) if question.seed is None else question.seed
    if seed not in seeds:
        raise unknown_name("seed", seed, seeds, where=f"--seed, of {method}")
    return method, seed, seeds[seed]


def _sensors(experiment: Experiment, method: str, question: Question, trained: Sequence[str]) -> tuple[str, str]:
    """The query's sensor and the answers'; the first two of the group that embeddings exist of, where none is named."""
    if question.group not in experiment.groups:
        raise unknown_name("group", question.group, experiment.groups, where="--group")
    held = [m for m in modalities_of(experiment, question.group, method) if m in trained]
    for option, modality in (("--from", question.source), ("--to", question.target)):
        if modality is not None and modality not in held:
            raise unknown_name("modality", modality, held, where=f"{option}, group {question.group} of this run")
    source = question.source or next((m for m in held if m != question.target), None)
    target = question.target or next((m for m in held if m != source), None)
    if source is None or target is None or source == target:
        raise UserError(
            "retrieval goes from one sensor to another", where="--from, --to",
            expected=f"two of {', '.join(held)}" if len(held) > 1 else f"a group with two sensors; {question.group} has "
            + (held[0] if held else "none with an encoder"),
        )  # fmt: skip
    return source, target


def _embedded(
    experiment: Experiment, method: str, seed: int, group: str, blocks: dict[str, Block], names: tuple[str, str]
) -> tuple[SampleSet, Samples, dict[str, Any], Sequence[str]]:
    """The group's samples and their embeddings, what data they are, and the classes' names."""
    read = experiment.data_of(group)
    root = Path(read.root).expanduser() if read.root else None
    places = [place for place in node_places(experiment) if place.group == group]
    nodes = [Node(experiment, place, method, seed, root, MemoryStore(), {}) for place in places]
    samples = concatenate([node.holdings.samples.only(names) for node in nodes])
    views = {m: np.zeros((len(samples), experiment.models.projection), np.float32) for m in names}
    start = 0
    for node in nodes:
        if node.unified:
            frozen = blocks[BLOCK]
            take_encoder(node.store, {}, method, seed, digest(frozen["file"].tobytes()), frozen)
            take_axes(node.store, method, seed, node.place.partition, blocks)
        own = {name: block for name, block in blocks.items() if name.partition(".")[2] in node.shapes}
        for modality, (rows, vectors) in embedded(node, Payload(own)).items():
            if modality in names:
                views[modality][start + rows] = vectors
        start += len(node.holdings.samples)
    held = nodes[0].holdings
    data = {"name": read.name, "simulated": held.simulated}
    return samples, Samples(views, dict(samples.present), samples.label), data, held.classes


def _queries(question: Question, source: str, holders: np.ndarray, samples: int) -> list[int]:
    if question.recording is None:
        return holders[evenly_picked(len(holders), question.count)].tolist()
    if question.recording not in holders:
        here = 0 <= question.recording < samples
        raise UserError(
            f"recording {question.recording} " + (f"holds no {source}" if here else "is none of this group"),
            where="--recording", expected=f"a number from 0 to {samples - 1}, of one that holds {source}",
        )  # fmt: skip
    return [question.recording]


def _answers(
    query: int, samples: SampleSet, views: Samples, source: str, target: str, top: int, recordings: Sequence[Recording]
) -> list[Found]:
    """The `top` most alike of all that hold `target`; of equal ones the first."""
    holders = np.flatnonzero(views.present[target])
    cosine = views.views[target][holders] @ views.views[source][query]
    best = np.argsort(-cosine, kind="stable")[:top]

    def relation(row: int) -> str:
        if row == query:
            return "same"
        return "window" if samples.recording[row] == samples.recording[query] else "other"

    return [Found(recordings[holders[at]], float(cosine[at]), relation(int(holders[at]))) for at in best.tolist()]
