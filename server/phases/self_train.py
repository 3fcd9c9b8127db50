"""Self-train: after fine-tuning, nodes of the incomplete groups learn on from pseudo-labels of their own samples.

Each sends what the fine-tuned network says of its samples, as class probabilities under handles. The server lets bound
samples agree (`server.binding.agreement`) and gives each its class and how sure of it they are; for some rounds these
nodes train on that and the labelled ones on their labels, and the strategy aggregates. Pseudo-labels: Lee, ICML workshop
2013; over nodes with few labels: Jeong et al., FedMatch, ICLR 2021. Methods that bind nothing take each sample's own
prediction. MMBind ends with fine-tuning: this phase is ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from configs.schema import Experiment
from protocol.embedding import unpack_embeddings
from protocol.kinds import PREDICT, SELF_TRAIN
from protocol.manifest import Manifest
from protocol.payload import Block, Payload, ProtocolError
from server.admission import own_handles_gate
from server.binding.agreement import agreed
from server.binding.bind import Embedded, no_pairs
from server.job import Job
from server.phases.audit import labels_for_audit, words_of
from server.phases.rounds import by_examples, train_rounds
from server.state import JobState
from strategies.modality_wise import Contribution

PHASE = "self-train"


def self_trains(experiment: Experiment, pretrained: bool) -> bool:
    """Whether a job has this phase: a method that asks the incomplete groups for nothing before does not ask them here."""
    return pretrained and experiment.rounds.self_training > 0


def self_train(job: Job, state: JobState) -> JobState:
    """The state with encoders and head as trained on; its result gains what pseudo-labels there were.

    Where no node predicts anything the state stays as it is, and a note says so.
    """
    rounds = job.experiment.rounds.self_training
    names = {p: _held(job, state, p) for p in state.members(*job.experiment.incomplete_groups, "finetune")}
    names = {p: held for p, held in names.items() if len(held) > 1}  # more than the part that all share
    learners = [p for p in names if state.manifests[p].group != "finetune"]
    predicted, prior = _predicted(job, state, names, rounds)
    if not any(len(each.handles) for each in predicted.values()):
        job.note("self-training: no node of the incomplete groups predicts anything; the network stays as fine-tuned")
        return state
    asked = job.experiment.self_training
    pairs, alike = (state.pairs, state.undecided) if asked.partners else (no_pairs(), no_pairs())
    found = agreed(predicted, pairs, alike, asked.temperature, prior, asked.alignment)
    taught = {p: _taught(predicted[p].handles, found[p]) for p in predicted}
    sent = {p: held for p, held in names.items() if p in taught or p not in learners}
    current = {name: state.blocks[name] for held in sent.values() for name in held}
    weigh = partial(by_labels, times=asked.labelled_weight)
    trained = train_rounds(
        job, state, SELF_TRAIN, PHASE, rounds, current, sent,
        own={p: {"taught.classes": block} for p, block in taught.items()},
        weigh=weigh, only=job.experiment.downstream, stage="self_training",
    )  # fmt: skip
    return replace(trained, result={**trained.result, "self_training": _told(job, state, predicted, found)})


def by_labels(manifests: Mapping[int, Manifest], replies: Mapping[int, Payload], times: float) -> list[Contribution]:
    """Each node's blocks by the samples it trained on; a labelled one counts so many times one with a pseudo-label."""
    return [
        replace(each, weight=each.weight * (times if manifests[each.partition].group == "finetune" else 1.0))
        for each in by_examples(manifests, replies)
    ]


def _held(job: Job, state: JobState, partition: int) -> list[str]:
    """The blocks that a node trains: those of the modalities it holds, and what all of the head share."""
    own = [m for m in job.experiment.downstream if m in state.manifests[partition].modalities]
    own = [m for m in own if f"encoder.{m}" in state.blocks and f"head.{m}" in state.blocks]
    return [*(f"{part}.{m}" for m in own for part in ("encoder", "head")), "head.fusion"]


def _predicted(
    job: Job, state: JobState, names: Mapping[int, Sequence[str]], rounds: int
) -> tuple[dict[int, Embedded], np.ndarray | None]:
    """By node of the incomplete groups class probabilities of its samples, rows of sum 1; and each class's share among
    the labelled samples, (class,), with one more of each class; None where no labelled node answers."""
    classes = len(state.blocks["head.fusion"]["2.bias"])
    own_alone = own_handles_gate(state.handles)

    def check(partition: int, reply: Payload) -> None:
        told = state.manifests[partition]
        wanted = "counts.classes" if told.group == "finetune" else "predictions.classes"
        if set(reply.blocks) != {wanted}:
            raise ProtocolError(f"told {sorted(reply.blocks)[:4]}, asked for {wanted}")
        if told.group == "finetune":
            _check_counts(reply.blocks[wanted], classes, told.labelled)
            return
        handles, rows = unpack_embeddings(reply.blocks[wanted])
        if rows.shape[1] != classes:
            raise ProtocolError(f"predictions of {rows.shape[1]} classes, there are {classes}")
        if len(handles) > told.samples:
            raise ProtocolError(f"{len(handles)} predictions, its manifest said {told.samples}")
        own_alone(partition, handles)

    def question(p: int) -> Payload:
        if state.manifests[p].group == "finetune":
            return Payload()
        return Payload({**{n: state.blocks[n] for n in names[p]}, **state.statistics(p, job.experiment.downstream)})

    replies = job.dispatch.ask(
        PREDICT, {p: question(p) for p in names}, PHASE, 1, rounds, check, quiet=True, may_all_fail=True
    )
    predicted, counts = {}, []
    for p, reply in sorted(replies.items()):
        if "counts.classes" in reply.blocks:
            counts.append(reply.blocks["counts.classes"]["count"])
            continue
        handles, rows = unpack_embeddings(reply.blocks["predictions.classes"])
        predicted[p] = Embedded(state.manifests[p].group, handles, _shares(rows))
    own_alone = own_handles_gate({p: each.handles for p, each in predicted.items()})
    for p in list(predicted):  # after all have answered: where nothing was bound, handles are seen here first
        try:
            own_alone(p, predicted[p].handles)
        except ProtocolError as error:
            job.dispatch.skip(p, PHASE, 1, str(error))
            del predicted[p]
    total = np.sum(counts, axis=0) if counts else None
    return predicted, None if total is None else (total + 1.0) / (total.sum() + classes)


def _check_counts(block: Block, classes: int, labelled: int) -> None:
    """Raises ProtocolError unless a block counts as many labelled samples as the manifest said, by class."""
    count = block.get("count")
    if set(block) != {"count"} or count is None or count.shape != (classes,) or count.dtype != np.float64:
        raise ProtocolError(f"expected a count of each of {classes} classes")
    if (count < 0).any() or (count != np.floor(count)).any() or count.sum() != labelled:
        raise ProtocolError(f"counts {count.sum():g} labelled samples, its manifest said {labelled}")


def _shares(rows: np.ndarray) -> np.ndarray:
    """Unit rows (n, class) as probabilities again: noise below 0 is cut off, and a row of nothing says nothing."""
    kept = np.maximum(rows, 0.0)
    total = kept.sum(axis=1, keepdims=True)
    return np.where(total > 0, kept / np.maximum(total, 1e-12), 1.0 / rows.shape[1]).astype(np.float32)


def _taught(handles: np.ndarray, found: np.ndarray) -> Block:
    """The likeliest class of each sample, and its probability as the sample's weight."""
    return {"handles": handles, "label": found.argmax(axis=1), "weight": found.max(axis=1)}


def _told(
    job: Job, state: JobState, predicted: Mapping[int, Embedded], found: Mapping[int, np.ndarray]
) -> dict[str, object]:
    """How many pseudo-labels, how sure, how many were changed by those asked; how many are right, where nodes say so."""
    handles = np.concatenate([each.handles for each in predicted.values()])
    own = np.concatenate([each.vectors for each in predicted.values()])
    joint = np.concatenate([found[p] for p in predicted])
    told: dict[str, object] = {
        "samples": len(handles),
        "confidence": float(joint.max(axis=1).mean()),
        "changed": float((joint.argmax(1) != own.argmax(1)).mean()),
    }
    label_of = labels_for_audit(job, state, sorted(predicted), PHASE, judged="predictions")
    same = job.experiment.evaluation.synonyms
    classes = [same.get(name, name) for name in state.manifests[state.members("finetune")[0]].classes]
    words = words_of(job, state).classes
    if label_of is not None:
        place = {words.index(name): at for at, name in enumerate(classes) if name in words}
        true = np.array([place.get(label_of.get(h, -1), -1) for h in handles.tolist()])
        known = true >= 0
        for name, rows in (("accuracy", joint), ("accuracy_of_own", own)):
            told[name] = float((rows.argmax(1) == true)[known].mean()) if known.any() else None
    return told
