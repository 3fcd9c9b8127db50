"""Autoencoder: the nodes train it on their shared modality, the server averages (MMBind eq. 1, FedAvg)."""

from __future__ import annotations

from dataclasses import replace

from configs.errors import UserError
from models.blocks import as_block, new_autoencoder
from protocol.kinds import AUTOENCODER
from protocol.payload import Payload
from server.admission import weights_gate
from server.aggregation import aggregation_of, next_round
from server.job import Job
from server.participation import asked_in, in_time
from server.shapes import shape_of
from server.state import JobState, save_blocks
from strategies.modality_wise import Contribution
from strategies.rule import Memory


def train_autoencoder(job: Job, state: JobState) -> JobState:
    """`rounds.autoencoder` rounds for each shared modality; their autoencoders join the state's blocks."""
    modalities = job.experiment.bind.modalities
    for at, modality in enumerate(modalities):
        state = _train_one(job, state, modality, at * job.experiment.rounds.autoencoder, len(modalities))
    return state


def _train_one(job: Job, state: JobState, modality: str, before: int, several: int) -> JobState:
    """One modality's rounds, `before` of the phase's rounds having gone to other modalities."""
    experiment, name = job.experiment, f"autoencoder.{modality}"
    members = [p for p in state.members(*experiment.incomplete_groups) if modality in state.manifests[p].modalities]
    holders = [g for g in experiment.incomplete_groups if modality in experiment.groups[g].modalities]
    without = [g for g in holders if not set(members) & set(state.members(g))]
    if without:
        raise UserError(
            f"no node of group {without[0]} holds {modality}",
            where="bind.by",
            expected="a modality that every group shares" if several == 1 else "modalities that their groups hold",
            todo="choose another modality, or bind.by=label",
        )
    told = state.manifests[members[0]].modalities[modality]
    model = new_autoencoder(modality, shape_of(told), experiment.autoencoder, job.seed)
    current = {name: as_block(model)}
    rounds, held = experiment.rounds.autoencoder, {p: [name] for p in members}
    by, memory = aggregation_of(job, state, AUTOENCODER, "autoencoder", held), dict[str, Memory]()
    for round in range(before + 1, before + rounds + 1):
        info = {"rounds": rounds, "rounds_before": before}
        questions = {
            p: Payload(
                {**by.sent_to(p, [name], current, memory), **state.statistics(p, [modality])},
                {**info, **told, **by.asks()},
            )
            for p, told in asked_in(job, held, f"autoencoder {modality}", round - before).items()
        }
        replies = job.dispatch.ask(
            AUTOENCODER, questions, "autoencoder", round, rounds * several,
            weights_gate(current, {partition: {name} for partition in members}, state.samples),
        )  # fmt: skip
        sent = [Contribution(p, r.blocks, r.metrics["examples"], r.metrics) for p, r in replies.items()]
        started = {p: question.blocks for p, question in questions.items()}
        sent = in_time(job, f"autoencoder {modality}", round - before, sent, started)
        current, memory = next_round(job, by, "autoencoder", round, current, memory, sent)
        save_blocks(current, job.folder / "checkpoint")
    kept = {**state.memory.get("autoencoder", {}), **memory}
    return replace(state, blocks={**state.blocks, **current}, memory={**state.memory, "autoencoder": kept})
