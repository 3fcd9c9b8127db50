"""Fine-tune: the labelled nodes train head and encoders; folds of their own samples choose the epoch.

Tracks: `fold0`, `fold1`, … each leave a part of the fine-tuning samples out and count what they get right there; `all`
trains on everything. Test recordings are looked at only along `all`, and choose nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from configs.nodes import prompts_of
from configs.schema import Experiment
from models.blocks import as_block, head_blocks, head_from_projections, new_encoder
from protocol.kinds import FINETUNE
from protocol.payload import Block, Payload, ProtocolError
from server.admission import check_block, check_progress
from server.aggregation import Aggregation, aggregation_of, next_round
from server.job import Job
from server.phases.evaluate import count_on_test
from server.phases.evaluate import figures as figures_of
from server.shapes import shape_of
from server.state import JobState, save_blocks
from strategies.modality_wise import Contribution
from strategies.rule import Memory

CURVE_FROM = 81  # the paper's figure is the mean test accuracy over epochs 81 to 200


def finetune(job: Job, state: JobState) -> JobState:
    """The tuned blocks at the chosen epoch; the state's result gains the choice and the curves."""
    experiment = job.experiment
    epochs, step = experiment.epochs.finetune, experiment.epochs.finetune // experiment.rounds.finetune
    start = _start(job, state)
    validation = np.zeros(epochs)
    examples = np.zeros(epochs)
    tracks = [f"fold{k}" for k in range(experiment.evaluation.folds)] if experiment.evaluation.folds > 1 else []
    total = experiment.rounds.finetune * (len(tracks) + 1)
    by = aggregation_of(job, state, FINETUNE, "fine-tune", {p: list(start) for p in state.members("finetune")})
    for number, track in enumerate(tracks):
        current: Mapping[str, Block] = start
        memory: Mapping[str, Memory] = {}
        for piece in range(experiment.rounds.finetune):
            first = piece * step + 1
            round = number * experiment.rounds.finetune + piece + 1
            replies, current, memory = _piece(job, state, by, memory, track, current, first, step, [], round, total)
            for reply in replies.values():
                correct = np.asarray(reply.info["validation_correct"], dtype=float)
                validation[first - 1 : first - 1 + step] += correct
                examples[first - 1 : first - 1 + step] += reply.metrics["validation_examples"]
    accuracy = np.divide(validation, examples, out=np.zeros(epochs), where=examples > 0)
    chosen = choose_epoch(accuracy, int(examples.max())) if tracks else epochs
    if len(state.members("finetune")) > 1:  # their networks meet at the end of each message, and are one only there
        chosen = -(-chosen // step) * step
    wanted = {chosen, epochs} | _drawn(experiment, epochs)
    current, kept, memory = start, dict(start), {}
    tested: dict[int, float] = {}
    f1: dict[int, float] = {}
    losses: list[float] = []
    for piece in range(experiment.rounds.finetune):
        first = piece * step + 1
        keep = sorted(e for e in wanted if first <= e < first + step)
        round = len(tracks) * experiment.rounds.finetune + piece + 1
        replies, current, memory = _piece(job, state, by, memory, "all", current, first, step, keep, round, total)
        losses += np.mean([reply.info["losses"] for reply in replies.values()], axis=0).tolist()
        history, epochs_kept = _history(state, replies, current, keep, first + step - 1)
        if history:
            for epoch, counts in zip(epochs_kept, count_on_test(job, state, history, round, total), strict=True):
                tested[epoch], f1[epoch] = figures_of(counts)
        if any(epoch <= chosen for epoch in epochs_kept):
            at = max(i for i, epoch in enumerate(epochs_kept) if epoch <= chosen)
            kept = {name: {key: value[at] for key, value in block.items()} for name, block in history.items()}
    _report_epochs(job, losses, accuracy if tracks else None, tested)
    curve = {
        "epoch": list(range(1, epochs + 1)),
        "validation_accuracy": accuracy.tolist() if tracks else None,
        "test_accuracy": [tested.get(epoch) for epoch in range(1, epochs + 1)] if tested else None,
    }
    late = [epoch for epoch in sorted(tested) if epoch >= CURVE_FROM]
    paper = experiment.evaluation.curve and bool(late)  # its figures are means over these epochs
    figures = {
        "chosen_epoch": chosen,
        "curve": curve,
        "accuracy_last_epoch": tested.get(epochs),
        "accuracy_epochs_81_200": float(np.mean([tested[epoch] for epoch in late])) if paper else None,
        "macro_f1_epochs_81_200": float(np.mean([f1[epoch] for epoch in late])) if paper else None,
        "labels_used": int(sum(reply.metrics["examples"] for reply in replies.values())),
    }
    save_blocks(kept, job.folder / "checkpoint")
    remembered = {**state.memory, "fine-tune": memory}
    return replace(state, blocks={**state.blocks, **kept}, memory=remembered, result={**state.result, **figures})


def _drawn(experiment: Experiment, epochs: int) -> set[int]:
    """Epochs whose test accuracy is wanted for the paper's figure and for pictures; none of them is chosen by it."""
    settings = experiment.evaluation
    late = set(range(min(CURVE_FROM, epochs), epochs + 1)) if settings.curve else set()
    return late | (set(range(1, epochs + 1, settings.curve_every)) if settings.curve_every else set())


def choose_epoch(validation: np.ndarray, examples: int, window: int = 9) -> int:
    """The latest epoch, from 1, whose validation accuracy is within one standard error of the best.

    Accuracies are averaged over `window` epochs around each; the standard error is that of the best one's share of
    right answers among `examples`. A few dozen samples cannot tell epochs closer than that apart, and among equals the
    one trained longest, under the lowest rate, depends least on chance (the rule of Breiman et al., CART, 1984, read
    towards the longer training).
    """
    padded = np.pad(validation, window // 2, mode="edge")
    smooth = np.convolve(padded, np.full(window, 1.0 / window), mode="valid")[: len(validation)]
    best = min(1.0, smooth.max())
    error = np.sqrt(best * (1.0 - best) / max(examples, 1))
    return int(np.flatnonzero(smooth >= best - error - 1e-9)[-1]) + 1


def _start(job: Job, state: JobState) -> dict[str, Block]:
    """Encoders as pre-trained, or fresh where the method has none; a fresh head. The same seeds for every method."""
    tuners = state.members("finetune")
    manifest = state.manifests[tuners[0]]
    blocks: dict[str, Block] = {}
    for modality in job.experiment.downstream:
        told = next(
            (state.manifests[p].modalities[modality] for p in tuners if modality in state.manifests[p].modalities), None
        )
        if told is None:
            continue
        name = f"encoder.{modality}"
        fresh = as_block(new_encoder(modality, shape_of(told), job.experiment.models, job.seed))
        blocks[name] = dict(state.blocks.get(name, fresh))
    learnt = state.blocks if job.experiment.finetune.head_from == "projection" else {}
    head = head_from_projections(
        job.experiment.downstream, len(manifest.classes), job.experiment.models, job.seed, learnt,
        prompts_of(job.experiment, job.method),
    )  # fmt: skip
    return {**blocks, **head_blocks(head)}


def _piece(
    job: Job, state: JobState, by: Aggregation, memory: Mapping[str, Memory], track: str, current: Mapping[str, Block],
    first: int, epochs: int, keep: Sequence[int], round: int, rounds: int,
) -> tuple[dict[int, Payload], Mapping[str, Block], Mapping[str, Memory]]:  # fmt: skip
    """`epochs` epochs on every labelled node; with several nodes their networks are aggregated after it."""
    tuners = state.members("finetune")
    several = len(tuners) > 1
    kept = sorted({*keep, *([first + epochs - 1] if several else [])}) if not several else [first + epochs - 1]
    taught = [m for m in job.experiment.downstream if f"encoder.{m}" in state.blocks]
    fresh = [m for m in job.experiment.downstream if m not in taught]
    info: dict[str, Any] = {
        "track": track, "first_epoch": first, "epochs": epochs, "keep": kept,
        "last": first + epochs > job.experiment.epochs.finetune,
        "pretrained": bool(taught), **({"fresh": fresh} if taught and fresh else {}),
    }  # fmt: skip
    blocks = dict(current) if first == 1 or several else {}
    statistics = {p: state.statistics(p, job.experiment.downstream) for p in tuners}
    expected = {
        p: {n for n in current if n.startswith("head.") or n.partition(".")[2] in state.manifests[p].modalities}
        for p in tuners
    }

    def check(partition: int, reply: Payload) -> None:
        if set(reply.blocks) != (expected[partition] if kept else set()):
            raise ProtocolError(f"blocks differ: got {sorted(reply.blocks)}")
        for name, block in reply.blocks.items():
            for at in range(len(kept)):
                if any(len(value) != len(kept) for value in block.values()):
                    raise ProtocolError(f"{name}: expected {len(kept)} kept epochs")
                check_block(name, current[name], {key: value[at] for key, value in block.items()})
        check_progress(reply, epochs, track != "all", state.manifests[partition].labelled)

    questions = {
        p: Payload(
            {**by.sent_to(p, [name for name in blocks if name in expected[p]], current, memory), **statistics[p]}, info
        )
        for p in tuners
    }
    replies = job.dispatch.ask(FINETUNE, questions, "fine-tune", round, rounds, check)
    if several:
        sent = [
            Contribution(
                p, {n: {k: v[-1] for k, v in b.items()} for n, b in r.blocks.items()}, r.metrics["examples"], r.metrics
            )
            for p, r in replies.items()
        ]
        return replies, *next_round(job, by, "fine-tune", round, current, memory, sent)
    return replies, current, memory


def _history(
    state: JobState, replies: Mapping[int, Payload], current: Mapping[str, Block], keep: Sequence[int], last: int
) -> tuple[dict[str, Block], list[int]]:
    """Networks to be tested, stacked, and their epochs: all kept ones of a single node, else the average after the round."""
    if len(state.members("finetune")) > 1:
        wanted = [last] if keep else []
        return (
            {name: {k: v[None] for k, v in block.items()} for name, block in current.items()} if keep else {}
        ), wanted
    only = next(iter(replies.values()))
    return {name: dict(block) for name, block in only.blocks.items()}, list(keep)


def _report_epochs(job: Job, losses: list[float], validation: np.ndarray | None, tested: Mapping[int, float]) -> None:
    for epoch, loss in enumerate(losses, start=1):
        job.dispatch.events.append({
            "event": "epoch", "phase": "fine-tune", "epoch": epoch, "loss": loss,
            "validation_accuracy": None if validation is None else float(validation[epoch - 1]),
            "test_accuracy": tested.get(epoch),
        })  # fmt: skip
