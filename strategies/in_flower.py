"""The modality-wise strategy as a Flower `Strategy`, for anybody's ServerApp.

Nodes answer with the arrays that they hold, and no others. An array's name begins with its block's: `encoder.ecg/weight`
belongs to block `encoder.ecg`. Everything else is Flower's: `ModalityWise(rule_of("fedadam")).start(grid, arrays)`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from logging import INFO, WARNING

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, MetricRecord, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy
from flwr.serverapp.strategy.strategy_utils import (
    aggregate_metricrecords,
    sample_nodes,
    validate_message_reply_consistency,
)
from flwr.supercore import log

from strategies.flower import record
from strategies.modality_wise import Contribution, next_blocks
from strategies.participation import taking_part
from strategies.rule import Block, Memory, Rule
from strategies.weights import weighted

ARRAYS, CONFIG = "arrays", "config"


class ModalityWise(Strategy):
    """Any rule of `strategies` on nodes that hold different blocks.

    rule                 from `strategies.registry.rule_of`
    weights, cap         what a node counts: `examples`, `equal`, or `capped` examples
    weighted_by_key      the metric that tells a reply's examples
    fraction             share of the nodes that are asked in a round
    least_per_modality   so many nodes that are known to hold a block are asked, if there are as many
    min_available_nodes  so many are waited for

    `refused` tells of every round which blocks the rule left as they were, and `left_out` which nodes, with the reasons.
    What a node does for the rule (`Rule.on_node`) is told it as JSON under `correction`.
    """

    def __init__(
        self,
        rule: Rule,
        weights: str = "examples",
        cap: int = 100,
        weighted_by_key: str = "num-examples",
        fraction: float = 1.0,
        least_per_modality: int = 1,
        min_available_nodes: int = 2,
        seed: int = 0,
    ) -> None:
        self.rule, self.weights, self.cap, self.weighted_by_key = rule, weights, cap, weighted_by_key
        self.fraction, self.least_per_modality = fraction, least_per_modality
        self.min_available_nodes, self.seed = min_available_nodes, seed
        self.current: dict[str, Block] = {}
        self.memory: Mapping[str, Memory] = {}
        self.held: dict[int, set[str]] = {}  # by node, as its replies showed
        self.refused: dict[int, dict[str, str]] = {}
        self.left_out: dict[int, dict[int, str]] = {}

    def summary(self) -> None:
        """Says what aggregates."""
        log(INFO, "\t├──> Modality-wise: %s, by %s", self.rule, self.weights)

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """A message to every node that takes part: the whole model, as the rule has it for that node."""
        self.current = blocks_of(arrays)
        config["server-round"] = server_round
        if self.rule.on_node():
            config["correction"] = json.dumps(self.rule.on_node(), sort_keys=True)
        return [
            Message(
                RecordDict({ARRAYS: self._for(node), CONFIG: config}), message_type=MessageType.TRAIN, dst_node_id=node
            )
            for node in self._asked(grid, server_round)
        ]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """The whole model, every block from the nodes that sent it; and the mean of their metrics.

        (None, None) where no reply is of use; the model then stays.
        """
        good: dict[int, tuple[dict[str, Block], RecordDict]] = {}
        self.left_out[server_round] = {}
        for message in replies:
            node = message.metadata.src_node_id
            try:
                good[node] = self._checked(message), message.content
            except ValueError as reason:
                self.left_out[server_round][node] = str(reason)
                log(WARNING, "round %s: node %s is left out: %s", server_round, node, reason)
        if not good:
            return None, None
        sent = []
        for node, (blocks, content) in sorted(good.items()):
            self.held.setdefault(node, set()).update(blocks)
            facts = {key: value for key, value in _metrics(content).items() if isinstance(value, int | float)}
            sent.append(Contribution(node, blocks, float(facts[self.weighted_by_key]), facts))
        holders = {name: sum(name in own for own in self.held.values()) for name in self.current}
        outcome = next_blocks(self.rule, self.current, self.memory, weighted(sent, self.weights, self.cap), holders)
        self.current, self.memory, self.refused[server_round] = outcome.blocks, outcome.memory, outcome.refused
        for block, why in outcome.refused.items():
            log(WARNING, "round %s: %s stays as it is: %s", server_round, block, why)
        for block, nodes in outcome.left_out.items():
            for node, why in nodes.items():
                self.left_out[server_round][node] = f"{block}: {why}"
        return arrays_of(outcome.blocks), self._mean([content for _, content in good.values()])

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """A message to every node."""
        config["server-round"] = server_round
        content = RecordDict({ARRAYS: arrays, CONFIG: config})
        return [
            Message(content, message_type=MessageType.EVALUATE, dst_node_id=node) for node in sorted(self._nodes(grid))
        ]

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> MetricRecord | None:
        """The mean of the metrics."""
        good = [message.content for message in replies if not message.has_error()]
        return self._mean(good) if good else None

    def _nodes(self, grid: Grid) -> list[int]:
        return sample_nodes(grid, self.min_available_nodes, self.min_available_nodes)[1]

    def _asked(self, grid: Grid, server_round: int) -> list[int]:
        held = {node: self.held.get(node, set()) for node in self._nodes(grid)}
        if self.fraction == 1.0:
            return sorted(held)
        return taking_part(held, self.fraction, self.least_per_modality, hash((self.seed, server_round)) % 2**32)

    def _for(self, node: int) -> ArrayRecord:
        blocks = self.current.items()
        return arrays_of(
            {name: self.rule.for_block(name).sent_to(node, block, self.memory.get(name, {})) for name, block in blocks}
        )

    def _checked(self, message: Message) -> dict[str, Block]:
        """A reply's blocks; raises ValueError for what must not be added to anything."""
        if message.has_error():
            raise ValueError(f"an error: {message.error.reason}")
        content = message.content
        if len(content.array_records) != 1 or len(content.metric_records) != 1:
            raise ValueError("not one ArrayRecord and one MetricRecord")
        weight = _metrics(content).get(self.weighted_by_key)
        if not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
            raise ValueError(f"{self.weighted_by_key} is {weight}")
        blocks = blocks_of(next(iter(content.array_records.values())))
        for name, block in blocks.items():
            here = self.current.get(name, {})
            if {k: v.shape for k, v in block.items()} != {k: v.shape for k, v in here.items()}:
                raise ValueError(f"{name}: other arrays than the model's")
            if not all(np.isfinite(value).all() for value in block.values()):
                raise ValueError(f"{name}: NaN or infinity")
        return blocks

    def _mean(self, contents: list[RecordDict]) -> MetricRecord | None:
        validate_message_reply_consistency(contents, self.weighted_by_key, check_arrayrecord=False)
        total = sum(float(str(_metrics(content)[self.weighted_by_key])) for content in contents)
        return aggregate_metricrecords(contents, self.weighted_by_key) if total > 0 else None


def blocks_of(arrays: ArrayRecord) -> dict[str, Block]:
    """Arrays by block: what stands before the first slash of a name, or the whole name."""
    blocks: dict[str, Block] = {}
    for name, array in arrays.items():
        block, _, key = name.partition("/")
        blocks.setdefault(block, {})[key] = array.numpy()
    return blocks


def arrays_of(blocks: Mapping[str, Block]) -> ArrayRecord:
    """The reverse of `blocks_of`."""
    return record(
        {f"{name}/{key}" if key else name: value for name, each in blocks.items() for key, value in each.items()}
    )


def _metrics(content: RecordDict) -> MetricRecord:
    return next(iter(content.metric_records.values()))
