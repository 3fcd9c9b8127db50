"""Flower's own strategies as rules: unmodified classes, driven through `aggregate_train` on messages of one block.

A Flower strategy keeps its state in attributes; a fresh object gets them from the rule's memory and gives them back.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.serverapp.exception import AggregationError, InconsistentMessageReplies
from flwr.serverapp.strategy import FedAdagrad, FedAdam, FedYogi
from flwr.serverapp.strategy.strategy import Strategy

from strategies.rule import Block, Collecting, MeanLike, Memory, Refused, Reply

WEIGHT, LOSS = "num-examples", "train_loss"  # the names under which Flower's strategies look for them


@dataclass
class _Answer:
    """As much of a message as Flower's strategies look at; a real one cannot be made without a run."""

    content: RecordDict

    def has_error(self) -> bool:
        return False


def record(block: Block) -> ArrayRecord:
    """A block as Flower's arrays."""
    return ArrayRecord({name: Array(np.asarray(value, order="C")) for name, value in block.items()})


def aggregated(strategy: Strategy, round: int, current: Block, replies: Sequence[Reply]) -> Block:
    """What a Flower strategy makes of the replies, in the types of `current`; raises Refused where it makes nothing."""
    answers = []
    for reply in replies:
        told = MetricRecord({WEIGHT: float(reply.weight)})
        if "loss" in reply.facts:
            told[LOSS] = float(reply.facts["loss"])
        answers.append(_Answer(RecordDict({"arrays": record(reply.block), "metrics": told})))
    with _quiet():
        try:
            arrays, _ = strategy.aggregate_train(round, cast(list[Message], answers))
        except (AggregationError, InconsistentMessageReplies) as error:
            raise Refused(f"Flower's {type(strategy).__name__}: {error}") from error
    if arrays is None:
        raise Refused(f"Flower's {type(strategy).__name__} made nothing of {len(answers)} replies")
    made = {name: arrays[name].numpy().astype(value.dtype) for name, value in current.items()}
    if not all(np.isfinite(value).all() for value in made.values() if value.dtype.kind == "f"):
        raise Refused(f"Flower's {type(strategy).__name__} gave NaN or infinity")
    return made


class FlowerOnAll(Collecting):
    """A Flower strategy that must see every reply, and remembers nothing."""

    @abstractmethod
    def strategy(self, current: Block, count: int) -> Strategy:
        """The strategy for so many replies; where it moves on from the current block, it holds that already."""

    def of_all(self, replies: Sequence[Reply], current: Block, memory: Memory) -> tuple[Block, Memory]:
        """What Flower makes of the replies."""
        return aggregated(self.strategy(current, len(replies)), 1, current, replies), memory


class FlowerOnMean(MeanLike, ABC):
    """One of Flower's adaptive optimisers: it takes the mean of the replies as a single reply, and moves by it."""

    @abstractmethod
    def strategy(self) -> FedAdagrad | FedAdam | FedYogi:
        """The strategy with this rule's parameters."""

    def moved(self, mean: Block, current: Block, memory: Memory) -> tuple[Block, Memory]:
        """Reddi et al. (ICLR 2021), algorithm 2; remembered are the round and both moments."""
        strategy, round = self.strategy(), int(memory.get("round", 0)) + 1
        strategy.current_arrays = dict(current)
        strategy.m_t, strategy.v_t = _own(memory.get("m")), _own(memory.get("v"))
        block = aggregated(strategy, round, current, [Reply(mean)])
        return block, {"round": round, "m": dict(strategy.m_t or {}), "v": dict(strategy.v_t or {})}


def _own(moments: Mapping[str, Any] | None) -> Block | None:
    return None if moments is None else {name: np.asarray(value) for name, value in moments.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Flower's line for every block of every round."""
    logger = logging.getLogger("flwr")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
