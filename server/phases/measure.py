"""Measure: what the embeddings are worth before a label tunes them, on held-out people. Nothing is chosen by it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from protocol.embedding import unpack_embeddings
from protocol.kinds import TARGETS
from protocol.payload import Payload
from server.admission import embeddings_gate
from server.job import Job
from server.measures.figures import figures
from server.measures.samples import Views, samples_of
from server.phases.audit import Labels, labels_of
from server.state import JobState

_PARTS = ("encoder.", "projection.")


def measure(job: Job, state: JobState) -> JobState:
    """The state's result gains `embeddings` (see `measures.figures`); None where no network can embed.

    One message that carries networks goes to each node: test and pre-training nodes embed all their samples, fine-tuning
    nodes those whose label they gave (AUDIT), since nothing is made of the others. Whoever fails is left out and named.
    """
    trained = _trained(state)
    if not trained:
        return replace(state, result={**state.result, "embeddings": None})
    modalities = [m for m in job.experiment.downstream if m in trained]
    testing, tuning = (_holders(state, trained, group) for group in ("test", "finetune"))
    pretraining = _holders(state, trained, *job.experiment.incomplete_groups)
    labels = _labels(job, state, testing, tuning)
    labelled = {p: [handle for handle, label in labels[p].items() if label >= 0] for p in tuning if p in labels}
    nodes = _embedded(job, state, trained, [*pretraining, *testing], labelled)
    width = job.experiment.models.projection
    found = figures(
        samples_of({p: nodes[p] for p in testing if p in nodes}, labels, modalities, width),
        samples_of({p: nodes[p] for p in tuning if p in nodes}, labels, modalities, width),
        {p: nodes[p] for p in pretraining if p in nodes},
        modalities,
    )
    return replace(state, result={**state.result, "embeddings": found})


def _trained(state: JobState) -> set[str]:
    """Modalities whose encoder and projection the method left behind."""
    named = [{name.partition(".")[2] for name in state.blocks if name.startswith(part)} for part in _PARTS]
    return set.intersection(*named)


def _holders(state: JobState, trained: set[str], *groups: str) -> list[int]:
    return [p for p in state.members(*groups) if trained & set(state.manifests[p].modalities)]


def _labels(job: Job, state: JobState, testing: list[int], tuning: list[int]) -> Labels:
    """What the nodes give; a note says what is left out where some give none."""
    asked = [*testing, *tuning]
    if not asked:
        return {}
    labels, refused = labels_of(job, state, asked, "measure")
    if refused:
        node, reason = next(iter(refused.items()))
        gone = "measures that need labels are of the others alone, or left out"
        job.note(f"embeddings: {len(refused)} of {len(asked)} nodes give no labels (node {node}: {reason}); {gone}")
    return labels


def _embedded(
    job: Job, state: JobState, trained: set[str], everything: list[int], some: dict[int, list[int]]
) -> dict[int, Views]:
    """What each node's samples look like to the networks: all of a node, or `some` handles of it."""
    wanted = {p: np.array(handles, dtype=np.int64) for p, handles in some.items() if handles}

    def question(p: int) -> Payload:
        own = [m for m in sorted(state.manifests[p].modalities) if m in trained]
        blocks = {f"{part}{m}": state.blocks[f"{part}{m}"] for m in own for part in _PARTS}
        asked = {"wanted": {"handles": wanted[p]}} if p in wanted else {}
        return Payload({**blocks, **state.statistics(p), **asked})

    def check(p: int, reply: Payload) -> None:
        embeddings_gate(
            job.experiment.models.projection, state.manifests, state.handles, wanted if p in wanted else None
        )(p, reply)

    questions = {p: question(p) for p in sorted([*everything, *wanted])}
    replies = job.dispatch.ask(TARGETS, questions, "measure", check=check, may_all_fail=True)
    return {
        p: {name.removeprefix("targets."): unpack_embeddings(block) for name, block in reply.blocks.items()}
        for p, reply in replies.items()
    }
