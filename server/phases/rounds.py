"""The rounds that training phases share: ask every node, gate what comes back, average each block, keep a checkpoint."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from configs.nodes import own_labels_used
from models.schedule import scheduled_rate
from protocol.kinds import AUTOENCODER, CONTRAST, Kind
from protocol.manifest import Manifest
from protocol.payload import Block, Payload
from server.admission import steps_gate, weights_gate
from server.aggregation import aggregation_of, next_round, summing_of
from server.dispatch import Check
from server.job import Job
from server.participation import asked_in, in_time
from server.phases.probe import Probe
from server.state import JobState, save_blocks
from server.summing import Summing, Weigh
from strategies.modality_wise import Contribution
from strategies.rule import Memory
from strategies.tree import TreeSum


def by_held(manifests: Mapping[int, Manifest], replies: Mapping[int, Payload]) -> list[Contribution]:
    """Each node's blocks, a modality's by the number of examples that hold it: some hold more than their group lists."""
    found = []
    for p, reply in replies.items():
        told = manifests[p]
        for modality, sensor in sorted(told.modalities.items()):
            blocks = {name: block for name, block in reply.blocks.items() if name.partition(".")[2] == modality}
            share = sensor.samples / max(told.samples, 1)
            found.append(Contribution(p, blocks, reply.metrics["examples"] * share, reply.metrics))
    return found


def by_examples(manifests: Mapping[int, Manifest], replies: Mapping[int, Payload]) -> list[Contribution]:
    """Each node's blocks by the number of examples that it trained on."""
    return [Contribution(p, reply.blocks, reply.metrics["examples"], reply.metrics) for p, reply in replies.items()]


def tell_of_labels(job: Job) -> None:
    """A note where nodes take their own labels into the contrast, so that no report is read without it."""
    if own_labels_used(job.experiment, job.method):
        told = job.experiment.contrast.labels
        job.note(f"{job.method}: a node's samples of one label are positives of each other (contrast.labels={told})")


def asked_for(
    job: Job, kind: Kind, questions: Mapping[int, Payload], phase: str, round: int, rounds: int, gate: Check,
    summing: Summing | None, current: Mapping[str, Block],
) -> tuple[dict[int, Payload], dict[str, TreeSum] | None]:  # fmt: skip
    """A round's replies, and their sums by block where they could be added up where the nodes live."""
    if summing is None:
        return job.dispatch.ask(kind, questions, phase, round, rounds, gate), None
    return job.dispatch.ask_sums(summing, questions, phase, round, rounds, current)


def train_rounds(
    job: Job,
    state: JobState,
    kind: Kind,
    phase: str,
    rounds: int,
    current: Mapping[str, Block],
    sent: Mapping[int, list[str]],
    *,
    learnt: Mapping[int, set[str]] | None = None,
    beside: Mapping[str, Block] | None = None,
    own: Mapping[int, Mapping[str, Block]] | None = None,
    info: Mapping[str, Any] | None = None,
    weigh: Weigh = by_held,
    only: Collection[str] | None = None,
    before: int = 0,
    of: int | None = None,
    stage: str | None = None,
) -> JobState:
    """The state with the blocks of `current` after so many rounds of one message to every node and the strategy by block.

    sent    by partition the names of the blocks it is sent, with the statistics of its modalities
    learnt  by partition the names of those that must come back; None: all that were sent
    beside  further blocks for everyone, which nobody changes
    own     by partition further blocks for it alone, which nobody changes
    info    further JSON values of the question
    weigh   what each node's blocks count
    only    the modalities whose statistics are sent; None: all that the node holds
    before  rounds of the phase that went to other blocks
    of      rounds of the whole phase; None: `rounds`
    stage   a part of the phase, by whose name nodes are drawn and timed; None: the phase itself
    """
    wanted = {p: set(names) for p, names in sent.items()} if learnt is None else learnt
    by, memory = aggregation_of(job, state, kind, phase, sent), dict[str, Memory]()
    probe = Probe(job, state, rounds)
    for round in range(before + 1, before + rounds + 1):
        questions = {
            p: Payload(
                {
                    **by.sent_to(p, sent[p], current, memory),
                    **by.beside(sent[p], current, memory),
                    **(beside or {}),
                    **(own or {}).get(p, {}),
                    **state.statistics(p, only),
                },
                {"rounds": rounds, **(info or {}), **told, **by.asks()},
            )
            for p, told in asked_in(job, sent, stage or phase, round - before).items()
        }
        back = {p: by.comes_back(names) for p, names in wanted.items()}
        gate = weights_gate(current, back, state.samples, by.some_suffice)
        summing = summing_of(job, state, by, kind, gate, current, weigh)
        told = _steps_gate_of(job, kind, gate, round - before, rounds, state.samples)
        replies, sums = asked_for(job, kind, questions, phase, round, of or rounds, told, summing, current)
        found, started = weigh(state.manifests, replies), {p: question.blocks for p, question in questions.items()}
        counting = in_time(job, stage or phase, round - before, found, started)
        current, memory = next_round(job, by, phase, round, current, memory, counting, sums)
        save_blocks(current, job.folder / "checkpoint")
        if phase == "contrast":
            probe.after(round, current)
    remembered = {**state.memory, phase: {**state.memory.get(phase, {}), **memory}}
    result = {**state.result, **probe.result()}
    return replace(state, blocks={**state.blocks, **current}, memory=remembered, result=result)


def _steps_gate_of(
    job: Job, kind: Kind, gate: Check, round: int, rounds: int, samples: Mapping[int, int]
) -> Check:  # fmt: skip
    """The gate with `steps_gate` behind it, for the kinds of which a strategy may ask steps and rate."""
    asked = job.experiment
    known = {
        CONTRAST.message_type: (asked.contrast.rate, asked.epochs.contrast),
        AUTOENCODER.message_type: (asked.autoencoder.rate, asked.epochs.autoencoder),
    }
    if kind.message_type not in known:
        return gate
    rate, epochs = known[kind.message_type]
    return steps_gate(gate, scheduled_rate(rate, round, rounds), epochs, samples)
