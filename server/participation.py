"""Who is asked in a round of a job, and who of them for the first time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from server.job import Job
from strategies.modality_wise import Contribution
from strategies.participation import taking_part


def asked_in(job: Job, held: Mapping[int, Collection[str]], phase: str, round: int) -> dict[int, dict[str, bool]]:
    """Who is asked in a round of a phase, by `strategy.fraction` and `strategy.least_per_modality`, and what it is told.

    With a trace only nodes that are online are asked, and the share is of them. A node that was not asked in an earlier
    round of the phase is told `first`: what it kept under the phase's name is of another start of the job.
    """
    settings, clock = job.experiment.strategy, job.clock
    if clock is not None:
        there, seed = clock.begin(phase, round, held), job.seed_for("participation", phase, round)
        chosen = (
            sorted(there)
            if settings.fraction == 1.0
            else taking_part(there, settings.fraction, settings.least_per_modality, seed)
        )
        fresh = {node for node in chosen if clock.first_time(phase, node)}
        return {node: {"first": True} if node in fresh and round > 1 else {} for node in chosen}
    if settings.fraction == 1.0:
        return {node: {} for node in sorted(held)}

    def asked(at: int) -> list[int]:
        seed = job.seed_for("participation", phase, at)
        return taking_part(held, settings.fraction, settings.least_per_modality, seed)

    before = {node for at in range(1, round) for node in asked(at)}
    return {node: {} if node in before else {"first": True} for node in asked(round)}


def in_time(
    job: Job, phase: str, round: int, found: list[Contribution], sent: Mapping[int, Mapping[str, Any]]
) -> list[Contribution]:
    """What counts in a round: all of it, unless there is a trace by which some are late.

    phase  as `asked_in` was told
    sent   by node the blocks that it set out from
    """
    if job.clock is None:
        return found
    epochs = getattr(job.experiment.epochs, phase.partition(" ")[0], 1)
    return job.clock.end(phase, round, found, sent, epochs)
