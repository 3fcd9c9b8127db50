"""Fine-tune: the labelled nodes train head and encoders; folds of their own samples choose rate and epoch.

Tracks: `fold0`, `fold1`, … each leave a part of the fine-tuning samples out and count what they get right there, under
every share of the rate that the configuration names; `all` trains on everything, under the best of them. Test
recordings are looked at only along `all`, and choose nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from configs.nodes import prompts_of
from configs.schema import Experiment
from models.blocks import as_block, head_blocks, head_from_projections, new_encoder
from protocol.kinds import FINETUNE
from protocol.payload import Block, Payload, ProtocolError
from server.admission import check_block, check_names, check_progress, check_steps
from server.aggregation import Aggregation, aggregation_of, next_round
from server.job import Job
from server.phases.evaluate import count_on_test
from server.phases.evaluate import figures as figures_of
from server.phases.personal import Counted, added, asked, counted_on_fold, personal_figures
from server.phases.prototypes import with_prototypes
from server.shapes import shape_of
from server.state import JobState, save_blocks
from strategies.modality_wise import Contribution
from strategies.rule import Memory

CURVE_FROM = 81  # the paper's figure is the mean test accuracy over epochs 81 to 200


@dataclass(frozen=True)
class Validated:
    """What the folds got right at each epoch under one rate."""

    share: float  # of the rate, for what was pre-trained
    correct: np.ndarray  # (epoch,)
    examples: np.ndarray  # (epoch,)
    folds: list[Counted] = field(default_factory=list)  # what shared and own models get right at the end, a fold each

    @property
    def accuracy(self) -> np.ndarray:
        """(epoch,); 0 where nothing was held out."""
        return np.divide(self.correct, self.examples, out=np.zeros(len(self.correct)), where=self.examples > 0)


def finetune(job: Job, state: JobState) -> JobState:
    """The tuned blocks at the chosen epoch; the state's result gains the choice and the curves."""
    experiment = job.experiment
    epochs, step = experiment.epochs.finetune, experiment.epochs.finetune // experiment.rounds.finetune
    start = _start(job, state)
    shares = experiment.finetune.encoder_rate_share if _taught(job, state) else [1.0]
    total = rounds_of(experiment, len(shares))
    by = aggregation_of(job, state, FINETUNE, "fine-tune", {p: list(start) for p in state.members("finetune")})
    tried = [_validated(job, state, by, start, share, number, total) for number, share in enumerate(shares)]
    best = tried[choose_share([each.accuracy for each in tried])]
    folded = len(fold_tracks(experiment)) > 0
    chosen = choose_epoch(best.accuracy, int(best.examples.max())) if folded else epochs
    if len(state.members("finetune")) > 1:  # their networks meet at the end of each message, and are one only there
        chosen = -(-chosen // step) * step
    wanted = {chosen, epochs} | _drawn(experiment, epochs)
    track, kept = _Track(job, state, by, "all", best.share, start, total), dict(start)
    tested: dict[int, float] = {}
    f1: dict[int, float] = {}
    losses: list[float] = []
    for piece in range(experiment.rounds.finetune):
        first = piece * step + 1
        keep = sorted(e for e in wanted if first <= e < first + step)
        replies = track.go_on(first, step, keep, total - experiment.rounds.finetune + piece + 1)
        losses += np.mean([reply.info["losses"] for reply in replies.values()], axis=0).tolist()
        history, epochs_kept = _history(state, replies, track.blocks, keep, first + step - 1)
        if history:
            counted = count_on_test(job, state, history, total - experiment.rounds.finetune + piece + 1, total)
            for epoch, counts in zip(epochs_kept, counted, strict=True):
                tested[epoch], f1[epoch] = figures_of(counts)
        if any(epoch <= chosen for epoch in epochs_kept):
            at = max(i for i, epoch in enumerate(epochs_kept) if epoch <= chosen)
            kept = {name: {key: value[at] for key, value in block.items()} for name, block in history.items()}
    _report_epochs(job, losses, best.accuracy if folded else None, tested)
    curve = {
        "epoch": list(range(1, epochs + 1)),
        "validation_accuracy": best.accuracy.tolist() if folded else None,
        "test_accuracy": [tested.get(epoch) for epoch in range(1, epochs + 1)] if tested else None,
    }
    late = [epoch for epoch in sorted(tested) if epoch >= CURVE_FROM]
    paper = experiment.evaluation.curve and bool(late)  # its figures are means over these epochs
    figures = {
        "chosen_epoch": chosen,
        "encoder_rate_share": best.share,
        "validation_by_share": {f"{each.share:g}": _level(each.accuracy) for each in tried} if folded else {},
        "curve": curve,
        "accuracy_last_epoch": tested.get(epochs),
        "accuracy_epochs_81_200": float(np.mean([tested[epoch] for epoch in late])) if paper else None,
        "macro_f1_epochs_81_200": float(np.mean([f1[epoch] for epoch in late])) if paper else None,
        "labels_used": int(sum(reply.metrics["examples"] for reply in replies.values())),
    }
    if experiment.rounds.self_training:  # after which the job's accuracy is another one
        figures["accuracy_fine_tuned"], figures["macro_f1_fine_tuned"] = tested.get(chosen), f1.get(chosen)
    if best.folds:
        figures["personal"] = personal_figures(by, added(best.folds), list(start), track.memory)
    save_blocks(kept, job.folder / "checkpoint")
    remembered = {**state.memory, "fine-tune": track.memory}
    return replace(state, blocks={**state.blocks, **kept}, memory=remembered, result={**state.result, **figures})


def fold_tracks(experiment: Experiment) -> list[str]:
    """The tracks that leave a part of the fine-tuning samples out; none without folds."""
    folds = experiment.evaluation.folds
    return [f"fold{k}" for k in range(folds)] if folds > 1 else []


def rounds_of(experiment: Experiment, shares: int) -> int:
    """Messages of the whole phase, where so many shares of the rate are tried on every fold."""
    return experiment.rounds.finetune * (len(fold_tracks(experiment)) * shares + 1)


def _validated(
    job: Job, state: JobState, by: Aggregation, start: Mapping[str, Block], share: float, number: int, total: int
) -> Validated:
    """Every fold under one share of the rate, the `number`-th that is tried.

    Of several nodes' networks there is one only at the end of each message: its figure stands for the message's epochs.
    """
    experiment = job.experiment
    epochs, pieces = experiment.epochs.finetune, experiment.rounds.finetune
    step, tracks = epochs // pieces, fold_tracks(experiment)
    found = Validated(share, np.zeros(epochs), np.zeros(epochs))
    several = len(state.members("finetune")) > 1
    for fold, name in enumerate(tracks):
        track = _Track(job, state, by, name, share, start, total)
        for piece in range(pieces):
            first, at = piece * step + 1, (number * len(tracks) + fold) * pieces + piece + 1
            rows = slice(first - 1, first - 1 + step)
            replies = track.go_on(first, step, [], at)
            if several:  # what the nodes counted is of their own networks; the one that is judged is their aggregate
                own = asked(job, state) and piece == pieces - 1
                counted = counted_on_fold(job, state, by, track.blocks, track.memory, name, at, total, own)
                right, examples = (sum(each[0][i] for each in counted.values()) for i in (0, 1))
                found.correct[rows] += right
                found.examples[rows] += examples
                found.folds.extend([counted] if own else [])
                continue
            for reply in replies.values():
                found.correct[rows] += np.asarray(reply.info["validation_correct"], dtype=float)
                found.examples[rows] += reply.metrics["validation_examples"]
    return found


def choose_share(accuracies: Sequence[np.ndarray]) -> int:
    """Which rate's validation accuracies, (epoch,) each, are best in the mean over the second half of the epochs.

    The first of equals. A mean over many epochs and not the best one: the best of many noisy epochs tells little of
    the rate (`choose_epoch` picks among the epochs of the rate that is chosen here).
    """
    return int(np.argmax([_level(accuracy) for accuracy in accuracies]))


def _level(accuracy: np.ndarray) -> float:
    return float(accuracy[len(accuracy) // 2 :].mean())


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


def _taught(job: Job, state: JobState) -> list[str]:
    """Modalities whose encoders pre-training left something in."""
    return [m for m in job.experiment.downstream if f"encoder.{m}" in state.blocks]


@dataclass
class _Track:
    """One training from its start on: the networks as they stand, and what the strategy remembers of them."""

    job: Job
    state: JobState
    by: Aggregation
    name: str
    share: float  # of the rate, for what was pre-trained
    blocks: Mapping[str, Block]
    rounds: int
    memory: Mapping[str, Memory] = field(default_factory=dict)

    def go_on(self, first: int, epochs: int, keep: Sequence[int], round: int) -> dict[int, Payload]:
        """`epochs` epochs on every labelled node; with several nodes their networks are aggregated after it."""
        job, state, by, taught = self.job, self.state, self.by, _taught(self.job, self.state)
        tuners, several = state.members("finetune"), len(state.members("finetune")) > 1
        kept = [first + epochs - 1] if several else sorted(keep)  # several are averaged at the end alone
        if first == 1 and several and taught:
            self.blocks = with_prototypes(job, state, self.blocks, self.name, round, self.rounds)
        current, settings = self.blocks, job.experiment.finetune
        fresh = [m for m in job.experiment.downstream if m not in taught]
        counts = self.name != "all" and not several
        info: dict[str, Any] = {
            "counts": counts, "track": self.name, "first_epoch": first, "epochs": epochs, "keep": kept,
            "last": first + epochs > job.experiment.epochs.finetune,
            "own_prototypes": bool(taught) and not several, "share": self.share, **({"fresh": fresh} if taught and fresh else {}),
        }  # fmt: skip
        statistics = {p: state.statistics(p, job.experiment.downstream) for p in tuners}
        expected = {
            p: {n for n in current if n.startswith("head.") or n.partition(".")[2] in state.manifests[p].modalities}
            for p in tuners
        }

        def check(partition: int, reply: Payload) -> None:
            check_names(expected[partition] if kept else set(), reply, several and by.some_suffice)
            for name, block in reply.blocks.items():
                for at in range(len(kept)):
                    if any(len(value) != len(kept) for value in block.values()):
                        raise ProtocolError(f"{name}: expected {len(kept)} kept epochs")
                    check_block(name, current[name], {key: value[at] for key, value in block.items()})
            labelled = state.manifests[partition].labelled
            check_progress(reply, epochs, counts, labelled)
            check_steps(reply, epochs, labelled, settings.rate * settings.final_rate_share, settings.rate)

        sent = [*current] if first == 1 or several else []
        info |= by.asks() if several else {}  # one node alone is not aggregated

        def question(p: int) -> Payload:
            names = [n for n in sent if n in expected[p]]
            beside = by.beside(names, current, self.memory) if several else {}
            return Payload({**by.sent_to(p, names, current, self.memory), **beside, **statistics[p]}, info)

        questions = {p: question(p) for p in tuners}
        replies = job.dispatch.ask(FINETUNE, questions, "fine-tune", round, self.rounds, check)
        if several:
            last = [
                Contribution(
                    p,
                    {n: {k: v[-1] for k, v in b.items()} for n, b in r.blocks.items()},
                    r.metrics["examples"],
                    r.metrics,
                )
                for p, r in replies.items()
            ]
            self.blocks, self.memory = next_round(job, by, "fine-tune", round, current, self.memory, last)
        return replies


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
