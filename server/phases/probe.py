"""Probe: between rounds, how often the nearest class mean is right among the labelled fine-tuning embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from protocol.kinds import PROBE
from protocol.payload import Block, Payload, ProtocolError
from server.job import Job
from server.state import JobState

_NO_TRAINING = ("describe", "measure", "probe", "fine-tune", "evaluate")


@dataclass
class Probe:
    """One phase's curve: round, accuracy, and what training had sent and taken until then; empty unless asked for."""

    job: Job
    state: JobState
    rounds: int
    curve: dict[str, list[float | None]] = field(default_factory=dict)

    def after(self, round: int, blocks: Mapping[str, Block]) -> None:
        """Asks the fine-tuning nodes, where this round is one to be measured. Nothing is chosen by what they say."""
        every = self.job.experiment.evaluation.every
        if not every or (round % every and round != self.rounds):
            return
        right, examples = counted(self.job, self.state, blocks, round, self.rounds)
        tally = self.job.dispatch.tally
        sent = sum(part["up"] + part["down"] for name, part in tally.by_phase.items() if name not in _NO_TRAINING)
        told = {"round": round, "accuracy": right / examples if examples else None, "bytes": sent}
        if self.job.clock is not None:
            told["simulated_seconds"] = self.job.clock.now
        for name, value in told.items():
            self.curve.setdefault(name, []).append(value)
        self.job.dispatch.events.append({"event": "probe", "phase": "contrast", **told})

    def result(self) -> dict[str, object]:
        """`round_curve` for the job's result; nothing where nothing was measured."""
        return {"round_curve": self.curve} if self.curve else {}


def counted(job: Job, state: JobState, blocks: Mapping[str, Block], round: int, rounds: int) -> tuple[float, float]:
    """(right, examples) over the fine-tuning nodes that hold a trained modality; nodes that fail are left out and told."""

    def own(partition: int) -> dict[str, Block]:
        held = sorted(set(state.manifests[partition].modalities) & set(job.experiment.downstream))
        there = [m for m in held if f"encoder.{m}" in blocks and f"projection.{m}" in blocks]
        return {f"{part}.{m}": blocks[f"{part}.{m}"] for m in there for part in ("encoder", "projection")}

    def check(partition: int, reply: Payload) -> None:
        right, examples = reply.metrics.get("correct", -1.0), reply.metrics.get("examples", -1.0)
        if not 0 <= right <= examples <= state.manifests[partition].labelled:
            raise ProtocolError(f"counts {right:g} right among {examples:g} samples")

    networks = {p: own(p) for p in state.members("finetune")}
    questions = {
        p: Payload({**found, **state.statistics(p, [name.partition(".")[2] for name in found])})
        for p, found in networks.items()
        if found
    }
    if not questions:
        return 0.0, 0.0
    replies = job.dispatch.ask(PROBE, questions, "probe", round, rounds, check, quiet=True, may_all_fail=True)
    return (
        sum(reply.metrics["correct"] for reply in replies.values()),
        sum(reply.metrics["examples"] for reply in replies.values()),
    )
