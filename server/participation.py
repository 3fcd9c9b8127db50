"""Who is asked in a round of a job, and who of them for the first time."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from server.job import Job
from strategies.participation import taking_part


def asked_in(job: Job, held: Mapping[int, Collection[str]], phase: str, round: int) -> dict[int, dict[str, bool]]:
    """Who is asked in a round of a phase, by `strategy.fraction` and `strategy.least_per_modality`, and what it is told.

    A node that was not asked in an earlier round of the phase is told `first`: what it kept under the phase's name is of
    another start of the job.
    """
    settings = job.experiment.strategy
    if settings.fraction == 1.0:
        return {node: {} for node in sorted(held)}

    def asked(at: int) -> list[int]:
        seed = job.seed_for("participation", phase, at)
        return taking_part(held, settings.fraction, settings.least_per_modality, seed)

    before = {node for at in range(1, round) for node in asked(at)}
    return {node: {} if node in before else {"first": True} for node in asked(round)}
