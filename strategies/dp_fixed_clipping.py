"""Differential privacy at the server: updates clipped to a norm, Gaussian noise on their mean, as Flower's wrapper has it.

The guarantee is one of the block: several blocks of one node compose. The noise is made for a mean of equal weights, so
nodes count alike here, whatever weights they come with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from flwr.serverapp import strategy as flower

from strategies.flower import aggregated, record
from strategies.rule import Block, Collecting, Memory, Reply


@dataclass(frozen=True)
class DPFixedClipping(Collecting):
    """clipping_norm      the longest update of a block, by its Euclidean norm
    noise_multiplier   the noise's standard deviation, in clipping norms per node; 0 is clipping alone
    noise_seed         repeats the noise, for studies: who knows it takes the noise off. −1: from the operating system
    """

    clipping_norm: float = 1.0
    noise_multiplier: float = 1.0
    noise_seed: int = -1

    def of_all(self, replies: Sequence[Reply], current: Block, memory: Memory) -> tuple[Block, Memory]:
        """What Flower's FedAvg under its wrapper gives; the round is remembered, so that no noise comes twice."""
        round = int(memory.get("round", 0)) + 1
        strategy = flower.DifferentialPrivacyServerSideFixedClipping(
            flower.FedAvg(), self.noise_multiplier, self.clipping_norm, len(replies)
        )
        strategy.current_arrays = record(current)
        with _noise(None if self.noise_seed < 0 else [self.noise_seed, round, *_digest(current)]):
            sent = [replace(reply, weight=1.0, block=_moved(reply.block, current)) for reply in replies]
            block = aggregated(strategy, round, current, sent)
        return block, {"round": round}


def _moved(block: Block, current: Block) -> Block:
    """The block, by a hair elsewhere where it did not move at all: Flower divides by the length of the update."""
    if any((block[name] != value).any() for name, value in current.items()):
        return block
    name = next(iter(current))
    nudged = np.array(block[name])
    nudged.reshape(-1)[:1] += max(1e-6 * abs(float(nudged.reshape(-1)[0])), 1e-12)
    return {**block, name: nudged}


def _digest(block: Block) -> list[int]:
    """Tells blocks of one round apart by what is in them, so that two never get the same noise."""
    told = hashlib.sha256(b"".join(name.encode() + value.tobytes() for name, value in sorted(block.items())))
    return list(np.frombuffer(told.digest(), dtype=np.uint32).tolist())


@contextmanager
def _noise(seed: list[int] | None) -> Iterator[None]:
    """Flower draws from numpy's global generator: it is seeded for the moment, and put back as it was."""
    before = np.random.get_state()
    words = np.random.SeedSequence(seed).generate_state(8)  # without a seed: entropy of the operating system
    np.random.seed(words)
    try:
        yield
    finally:
        np.random.set_state(before)
