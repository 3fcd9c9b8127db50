"""What a method is: the phases between describing the nodes and fine-tuning, in their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from configs.schema import Experiment
from server.job import Job
from server.phases.adapt import adapt
from server.phases.contrast import contrast
from server.phases.finetune import rounds_of
from server.phases.generate import GENERATED, generate
from server.phases.self_train import self_trains
from server.state import JobState
from strategies.registry import rule_of


@dataclass(frozen=True)
class Phase:
    """One phase of pre-training: its name, how many rounds it takes, and what it makes of the state."""

    name: str
    rounds: int
    run: Callable[[Job, JobState], JobState]


@dataclass(frozen=True)
class Method:
    """A method by name: what it is, where it comes from, and its phases for an experiment.

    Encoders, projections, fusion head, fine-tuning and budgets are alike for all; a method differs in its phases alone,
    and in what its nodes hold (`configs.nodes.modalities_of`).
    """

    name: str
    definition: str
    phases: Callable[[Experiment], Sequence[Phase]]


def measured(method: Method, experiment: Experiment) -> bool:
    """Whether embeddings are measured: only where the method trains any."""
    return experiment.evaluation.embeddings and bool(method.phases(experiment))


def learning(method: Method, experiment: Experiment) -> list[Phase]:
    """The method's phases; where one encoder serves all sensors and its codebook shall follow them, that first.

    A method without phases asks the incomplete groups for nothing, so nothing is adapted for it either.
    """
    phases, unified = _filling(list(method.phases(experiment)), experiment), experiment.models.unified
    if not phases or experiment.models.encoder != "unified" or not unified.adapt.rounds:
        return phases
    return [Phase("adapt", unified.adapt.rounds + 2 + unified.adapt.decoder_rounds, adapt), *phases]


def _filling(phases: list[Phase], experiment: Experiment) -> list[Phase]:
    """The phases, with one before binding's contrast that trains what fills absent sensors in, where the strategy does so."""
    at = next((at for at, phase in enumerate(phases) if phase.run is contrast), None)
    settings = experiment.strategy
    if at is None or not rule_of(settings.name, settings.parameters).fills:
        return phases
    return [*phases[:at], Phase(GENERATED, experiment.rounds.autoencoder, generate), *phases[at:]]


def plan(method: Method, experiment: Experiment) -> list[Mapping[str, object]]:
    """The phases of a job with their rounds, for whoever estimates the time left."""
    found = learning(method, experiment)
    phases = [
        ("describe", 1),
        *([("encoder", 1)] if experiment.models.encoder == "unified" else []),
        *((phase.name, phase.rounds) for phase in found),
        *([("measure", 1)] if measured(method, experiment) else []),
        ("fine-tune", rounds_of(experiment, len(experiment.finetune.encoder_rate_share) if found else 1)),
        *([("self-train", experiment.rounds.self_training)] if self_trains(experiment, bool(found)) else []),
        ("evaluate", 1),
    ]
    return [{"phase": name, "rounds": rounds} for name, rounds in phases]
