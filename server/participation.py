"""Who is asked in a round: a share of the nodes, and enough of them for every modality."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np

from server.job import Job


def taking_part(held: Mapping[int, Collection[str]], fraction: float, least: int, seed: int) -> list[int]:
    """Nodes of one round, in rising order: a random share, and so many more that each thing is held by `least` of them.

    held  by node what it holds, such as blocks; a thing that fewer than `least` nodes hold is held by all of these

    The share is rounded up, so that somebody is asked. Everybody where `fraction` is 1.
    """
    order = np.random.default_rng(seed).permutation(sorted(held)).tolist()
    chosen = order[: math.ceil(fraction * len(order) - 1e-9)]
    for thing in sorted({each for own in held.values() for each in own}):
        lacking = least - sum(thing in held[node] for node in chosen)
        further = [node for node in order if node not in chosen and thing in held[node]]
        chosen += further[: max(lacking, 0)]
    return sorted(chosen)


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
