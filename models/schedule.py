"""How a learning rate falls over the rounds of a phase: the same on a node and at the server."""

import math


def scheduled_rate(rate: float, round: int, rounds: int) -> float:
    """Half a cosine from the full rate in round 1 (counted from 1) down to a twentieth of it."""
    return rate * (0.05 + 0.95 * 0.5 * (1.0 + math.cos(math.pi * (round - 1) / max(rounds, 1))))
