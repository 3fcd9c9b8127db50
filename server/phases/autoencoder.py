"""Autoencoder: the nodes train it on their shared modality, the server averages (MMBind eq. 1, FedAvg)."""

from __future__ import annotations

from configs.errors import UserError
from models.blocks import as_block, new_autoencoder
from protocol.kinds import AUTOENCODER
from server.job import Job
from server.phases.rounds import by_examples, train_rounds
from server.shapes import shape_of
from server.state import JobState


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
    return train_rounds(
        job, state, AUTOENCODER, "autoencoder", experiment.rounds.autoencoder, {name: as_block(model)},
        {p: [name] for p in members}, info={"rounds_before": before}, weigh=by_examples, only=[modality], before=before,
        of=experiment.rounds.autoencoder * several, stage=f"autoencoder {modality}",
    )  # fmt: skip
