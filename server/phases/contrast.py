"""Contrast: encoders and projections are trained over nodes (MMBind eq. 3), the `targets` way or the `exact` way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from configs.nodes import prompts_of
from models.blocks import as_block, new_encoder, new_projection
from models.schedule import scheduled_rate
from protocol.embedding import unpack_embeddings
from protocol.kinds import CONTRAST, TARGETS
from protocol.payload import Block, Payload
from server.admission import embeddings_gate, steps_gate, weights_gate
from server.aggregation import aggregation_of, next_round
from server.binding.bind import Embedded, Pairs
from server.job import Job
from server.participation import asked_in, in_time
from server.phases.bind import bound_by_steps
from server.phases.contrast_exact import contrast_exact
from server.phases.describe import shapes_of
from server.phases.fill import filled_in
from server.phases.foreign import Foreign
from server.phases.probe import Probe
from server.phases.rounds import by_examples, by_held
from server.state import JobState, save_blocks
from strategies.rule import Memory


def contrast(job: Job, state: JobState) -> JobState:
    """Fresh encoders and projections of every modality that the groups hold, trained by `contrast.mode`."""
    started = replace(state, blocks={**state.blocks, **fresh_blocks(job, state)})
    return (contrast_exact if job.experiment.contrast.mode == "exact" else contrast_targets)(job, started)


def fresh_blocks(job: Job, state: JobState) -> dict[str, Block]:
    """`encoder.*` and `projection.*` blocks as initialised from the job's seed, alike for every method."""
    blocks: dict[str, Block] = {}
    prompts = len(prompts_of(job.experiment, job.method))
    for modality, shape in shapes_of(state, state.members(*job.experiment.incomplete_groups)).items():
        blocks[f"encoder.{modality}"] = as_block(new_encoder(modality, shape, job.experiment.models, job.seed))
        blocks[f"projection.{modality}"] = as_block(new_projection(modality, job.experiment.models, job.seed, prompts))
    return blocks


def contrasted(job: Job, state: JobState, partition: int) -> list[str]:
    """Modalities of a node that take part."""
    return sorted(state.manifests[partition].modalities)


def contrast_targets(job: Job, state: JobState) -> JobState:
    """Each round: nodes embed their samples, each trains against the others' embeddings, the server averages."""
    experiment = job.experiment
    members, rounds = state.members(*experiment.incomplete_groups), experiment.rounds.contrast
    filled = filled_in(job, state)
    own_blocks = {
        p: [f"{part}.{m}" for m in filled.shapes or contrasted(job, state, p) for part in ("encoder", "projection")]
        for p in members
    }
    current = {name: state.blocks[name] for names in own_blocks.values() for name in names}
    pairs = state.pairs
    bank: Bank = {}
    by, memory = aggregation_of(job, state, CONTRAST, "contrast", own_blocks), dict[str, Memory]()
    probe = Probe(job, state, rounds)
    for round in range(1, rounds + 1):
        asked = asked_in(job, own_blocks, "contrast", round)
        held = {p: by.sent_to(p, own_blocks[p], current, memory) | state.statistics(p) for p in asked}
        seen = {p: _recorded(state, p, blocks) for p, blocks in held.items()}  # what is made is told to nobody
        given = _bank(
            job, state, {p: Payload(blocks, {**asked[p], **by.asks()}) for p, blocks in seen.items()}, round, rounds
        )
        bank = given if len(asked) == len(members) else {**bank, **given}  # who is not asked is known as last seen
        state = replace(state, handles={**_handles(bank), **state.handles})
        if experiment.contrast.rebind_every and round > 1 and (round - 1) % experiment.contrast.rebind_every == 0:
            pairs = _rebound(job, state, bank) or pairs
        negatives, quantise = experiment.contrast.negatives, experiment.privacy.quantise
        foreign = Foreign(bank, pairs, state.undecided, negatives, quantise)
        questions = {
            p: Payload(
                {
                    **held[p],
                    **foreign.sent_to(p),
                    **by.beside(own_blocks[p], current, memory),
                    **filled.blocks,
                },
                {"rounds": rounds, **asked[p], **by.asks(), **filled.info},
            )
            for p in asked
            if p in given
        }
        back = {p: by.comes_back(names) for p, names in own_blocks.items()}
        gate = steps_gate(
            weights_gate(current, back, state.samples, by.some_suffice),
            scheduled_rate(experiment.contrast.rate, round, rounds), experiment.epochs.contrast, state.samples,
        )  # fmt: skip
        replies = job.dispatch.ask(CONTRAST, questions, "contrast", round, rounds, gate)
        weighed = (by_examples if filled.shapes else by_held)(state.manifests, replies)  # what is filled counts as held
        sent = in_time(job, "contrast", round, weighed, held)
        current, memory = next_round(job, by, "contrast", round, current, memory, sent)
        save_blocks(current, job.folder / "checkpoint")
        probe.after(round, current)
    remembered = {**state.memory, "contrast": memory}
    result = {**state.result, **probe.result()}
    return replace(state, blocks={**state.blocks, **current}, pairs=pairs, memory=remembered, result=result)


Bank = dict[int, dict[str, tuple[np.ndarray, np.ndarray]]]  # node -> modality -> handles (n,), unit rows (n, d)


def _bank(job: Job, state: JobState, questions: dict[int, Payload], round: int, rounds: int) -> Bank:
    """What every node's samples look like to the current encoders."""

    check = embeddings_gate(job.experiment.models.projection, state.manifests, state.handles)
    replies = job.dispatch.ask(TARGETS, questions, "contrast", round, rounds, check, quiet=True)
    return {
        p: {name.removeprefix("targets."): unpack_embeddings(block) for name, block in reply.blocks.items()}
        for p, reply in replies.items()
    }


def _recorded(state: JobState, partition: int, blocks: Mapping[str, Block]) -> dict[str, Block]:
    """The blocks of what the node recorded itself, and its statistics."""
    own = state.manifests[partition].modalities
    return {name: block for name, block in blocks.items() if name.partition(".")[2] in own}


def _handles(bank: Bank) -> dict[int, np.ndarray]:
    """Each node's handles: from now on nobody else may use them."""
    return {p: np.unique(np.concatenate([handles for handles, _ in views.values()])) for p, views in bank.items()}


def _rebound(job: Job, state: JobState, bank: Bank) -> Pairs | None:
    """Pairs by the trained embeddings of the shared modalities; None where binding is by label or nothing is bound."""
    embedded = {
        by: {p: Embedded(state.manifests[p].group, *views[by]) for p, views in bank.items() if by in views}
        for by in job.experiment.bind.modalities
    }
    if not any(embedded.values()):
        return None
    return bound_by_steps(job, embedded, state.steps)
