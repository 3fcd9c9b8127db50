"""Evaluate: test nodes count what the network gets right; figures are made from the counts alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np

from configs.nodes import prompts_of
from models.blocks import borrowed_head_block
from protocol.kinds import EVALUATE
from protocol.limits import MOST_SAMPLES_PER_NODE
from protocol.payload import Block, Payload, ProtocolError
from server.dispatch import Check
from server.job import Job
from server.measures.nodes import over_nodes
from server.state import JobState


def evaluate(job: Job, state: JobState) -> JobState:
    """Accuracy, macro-F1 and AUC of the chosen network, for every subset of the test group's modalities.

    The job's own figures are those of all its fine-tuned modalities. A subset with one that was never fine-tuned is
    counted where pre-training left its encoder and projection, and has no figures (None) where it did not.
    """
    names, tuned = job.experiment.groups["test"].modalities, _tuned(job)
    borrowed = _borrowed(job, state)
    unknown = {m for m in job.experiment.never_tuned if f"head.{m}" not in borrowed}
    subsets = [list(c) for size in range(len(names), 0, -1) for c in combinations(names, size)]
    asked = [tuned, *(s for s in subsets if s != tuned and not unknown & set(s))]  # the first one's ranking is the AUC
    wanted = [
        n for n in state.blocks if n.startswith("head.") or (n.startswith("encoder.") and n.split(".", 1)[1] in names)
    ]
    blocks = {name: state.blocks[name] for name in wanted} | borrowed
    networks = {name: {key: value[None] for key, value in block.items()} for name, block in blocks.items()}
    replies = _ask(job, state, networks, asked, "evaluate", 1, 1)
    counted = {"+".join(subset): _added(replies, "+".join(subset), 1)[0] for subset in asked}
    by_subset = {"+".join(s): figures(counted["+".join(s)]) if s in asked else (None, None) for s in subsets}
    full = counted["+".join(tuned)]
    areas = [(r.metrics["auc"], r.metrics["examples"]) for r in replies.values() if "auc" in r.metrics]
    accuracy, macro_f1 = figures(full)
    manifest = state.manifests[state.members("test")[0]]
    simulated = any(told.simulated for told in state.manifests.values())  # also where a part of it is
    result = {
        "data": {"name": job.experiment.data_name, "simulated": simulated},
        "classes": list(manifest.classes),
        "accuracy": accuracy,
        "macro_f1": macro_f1,
        "auc": float(np.average([a for a, _ in areas], weights=[n for _, n in areas])) if areas else None,
        "by_subset": {name: dict(zip(("accuracy", "macro_f1"), f, strict=True)) for name, f in by_subset.items()},
        "confusion": full.tolist(),
        "test_samples": int(full.sum()),
        "by_node": over_nodes(counted_by_node(replies, "+".join(tuned))),
    }
    if job.experiment.never_tuned:
        result["never_tuned"] = job.experiment.never_tuned
    return replace(state, result={**state.result, **result})


def _tuned(job: Job) -> list[str]:
    """Modalities of the test group that were fine-tuned."""
    return [m for m in job.experiment.groups["test"].modalities if m in job.experiment.downstream]


def _borrowed(job: Job, state: JobState) -> dict[str, Block]:
    """`encoder.*` as pre-trained and a borrowed `head.*` for what the test group holds and no fine-tuning node does."""
    experiment, found = job.experiment, dict[str, Block]()
    tuners = [state.manifests[p].modalities for p in state.members("finetune")]
    donors = [state.blocks[f"head.{m}"] for m in experiment.downstream if any(m in held for held in tuners)]
    for m in experiment.never_tuned:
        if f"encoder.{m}" in state.blocks and f"projection.{m}" in state.blocks:
            prompts = prompts_of(experiment, job.method)
            part = borrowed_head_block(m, state.blocks, donors, experiment.models, job.seed, prompts)
            found |= {f"encoder.{m}": state.blocks[f"encoder.{m}"], f"head.{m}": part}
        else:
            job.note(
                f"{job.method} is not tested on {m}: no fine-tuning node holds it, and the method pre-trains no "
                "encoder and projection of it"
            )
    return found


def count_on_test(job: Job, state: JobState, networks: Mapping[str, Block], round: int, rounds: int) -> np.ndarray:
    """Counts (network, true, predicted) over all test nodes, with all modalities that were fine-tuned; nothing is chosen
    by them."""
    names = _tuned(job)
    replies = _ask(job, state, networks, [list(names)], "evaluate", round, rounds)
    return _added(replies, "+".join(names), len(next(iter(networks["head.fusion"].values()))))


def figures(counts: np.ndarray) -> tuple[float, float]:
    """Accuracy and macro-F1 from counts (true, predicted); F1 is averaged over the classes that occur on either side."""
    hits = np.diag(counts).astype(float)
    both = counts.sum(axis=0) + counts.sum(axis=1)
    occurring = both > 0
    f1 = 2.0 * hits[occurring] / both[occurring]
    return float(hits.sum() / max(counts.sum(), 1)), float(f1.mean()) if occurring.any() else 0.0


def _ask(
    job: Job, state: JobState, networks: Mapping[str, Block], subsets: list[list[str]], phase: str, round: int, rounds: int
) -> dict[int, Payload]:  # fmt: skip
    members = state.members("test")
    classes = len(state.manifests[members[0]].classes)
    count = len(next(iter(networks["head.fusion"].values())))

    def question(partition: int) -> Payload:
        held = set(state.manifests[partition].modalities)
        blocks = {n: b for n, b in networks.items() if n.startswith("head.") or n.partition(".")[2] in held}
        return Payload({**blocks, **state.statistics(partition)}, {"subsets": subsets})

    return job.dispatch.ask(
        EVALUATE,
        {p: question(p) for p in members},
        phase,
        round,
        rounds,
        counts_gate(state, count, classes),
        quiet=phase == "evaluate" and rounds > 1,
    )


def counted_by_node(replies: Mapping[int, Payload], subset: str, network: int = 0) -> dict[int, tuple[float, float]]:
    """By node what one of the networks gets right, and among how many samples."""
    counts = {p: r.blocks.get(f"confusion.{subset}", {}).get("counts") for p, r in replies.items()}
    return {
        p: (float(np.trace(each[network])), float(each[network].sum()))
        for p, each in counts.items()
        if each is not None
    }


def counts_gate(state: JobState, count: int, classes: int) -> Check:
    """Refuses a reply whose counts are not those of `count` networks and so many classes, or impossible."""

    def check(partition: int, reply: Payload) -> None:
        for name, block in reply.blocks.items():
            counts = block.get("counts")
            if (
                counts is None
                or counts.shape != (count, classes, classes)
                or counts.dtype.kind != "i"
                or counts.min() < 0
            ):
                raise ProtocolError(f"{name}: expected counts of shape {(count, classes, classes)}")
            if (
                counts.max() > MOST_SAMPLES_PER_NODE
                or (counts.sum(axis=(1, 2)) > state.manifests[partition].labelled).any()
            ):
                raise ProtocolError(f"{name}: more counts than labelled samples")
        examples, labelled = reply.metrics["examples"], state.manifests[partition].labelled
        if not 1 <= examples <= labelled:
            raise ProtocolError(f"claims {examples:g} examples, its manifest said {labelled} labels")
        if not 0.0 <= reply.metrics.get("auc", 0.5) <= 1.0:
            raise ProtocolError(f"an AUC of {reply.metrics['auc']:g}")

    return check


def _added(replies: Mapping[int, Payload], subset: str, networks: int) -> np.ndarray:
    """Counts summed over nodes, (network, true, predicted)."""
    found = [
        r.blocks[f"confusion.{subset}"]["counts"].astype(np.int64)
        for r in replies.values()
        if f"confusion.{subset}" in r.blocks
    ]
    if not found:
        return np.zeros((networks, 1, 1), dtype=np.int64)
    return np.sum(found, axis=0)
