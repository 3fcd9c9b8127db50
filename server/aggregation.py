"""From a round's replies to the next blocks, by the strategy that the configuration names."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from protocol.kinds import AUTOENCODER, CONTRAST, FINETUNE, UNIMODAL, Kind
from protocol.payload import Block
from server.binding.bind import Pairs
from server.job import Job
from server.state import JobState
from strategies.fedavg import FedAvg
from strategies.modality_wise import Contribution, Outcome, next_blocks
from strategies.rule import Memory, Rule
from strategies.weights import QUALITY, weighted

# What nodes can do of a rule in messages of a kind. Modalities that learn each by themselves take different numbers of
# steps in one message, so nodes tell none there; in a network of one modality none can be missing or chosen; and a
# personal encoder to match by would be nobody's.
_ANY_NETWORK = {"fedprox", "feddyn", "moon", "personal"}
_PARTS: Mapping[str, set[str]] = {
    CONTRAST.message_type: {*_ANY_NETWORK, "tell", "scaffold", "ditto", "flism", "choose"},
    FINETUNE.message_type: {*_ANY_NETWORK, "tell", "scaffold", "ditto", "flism", "choose"},
    AUTOENCODER.message_type: {*_ANY_NETWORK, "tell", "scaffold"},
    UNIMODAL.message_type: {*_ANY_NETWORK, "ditto"},
}


@dataclass(frozen=True)
class Aggregation:
    """The rule of one phase, what nodes count in it, and how well each is bound (empty: not known)."""

    rule: Rule
    weights: str
    cap: int
    quality: Mapping[int, float]
    holders: Mapping[str, int]

    def sent_to(
        self, node: int, names: Sequence[str], current: Mapping[str, Block], memory: Mapping[str, Memory]
    ) -> dict[str, Block]:
        """A node's blocks as it is sent them."""
        return {name: self.rule.for_block(name).sent_to(node, current[name], memory.get(name, {})) for name in names}

    def beside(
        self, names: Sequence[str], current: Mapping[str, Block], memory: Mapping[str, Memory]
    ) -> dict[str, Block]:
        """What the rule has nodes told beside their blocks, as `control.<block>`."""
        told = {name: self.rule.for_block(name).beside(current[name], memory.get(name, {})) for name in names}
        return {f"control.{name}": block for name, block in told.items() if block is not None}

    def asks(self) -> dict[str, Any]:
        """What nodes do for the rule, as part of a question's info."""
        return {"correction": dict(self.rule.on_node())} if self.rule.on_node() else {}

    @property
    def some_suffice(self) -> bool:
        """Whether nodes choose which of their blocks they send."""
        return self.rule.on_node().get("name") == "choose"

    @property
    def kept_on_nodes(self) -> bool:
        """Whether every node has a network of its own that it does not send whole."""
        asked = self.rule.on_node()
        return asked.get("name") == "ditto" or bool(asked.get("norms"))

    def comes_back(self, names: Collection[str]) -> set[str]:
        """Those blocks that a node does not keep for itself."""
        own = self.rule.on_node().get("blocks", ())
        return {name for name in names if not any(fnmatchcase(name, pattern) for pattern in own)}


def aggregation_of(job: Job, state: JobState, kind: Kind, phase: str, sent: Mapping[int, Sequence[str]]) -> Aggregation:
    """The configuration's strategy for messages of a kind, whose nodes are sent the blocks in `sent`.

    Where nodes have no part in a rule that asks them to, or nothing that it needs is known yet, the mean stands in, and a
    note says so.
    """
    settings, rule, weights = job.experiment.strategy, job.rule, job.experiment.strategy.weights
    bound = binding_quality(state.pairs, state.samples)
    quality = {node: bound[node] for node in sent if node in bound}
    asked = rule.on_node()
    if asked and not {str(asked.get("name", "tell"))} <= _PARTS.get(kind.message_type, set()):
        job.note(f"strategy {settings.name}: nodes take no part in it in phase {phase}; replies are averaged")
        rule = FedAvg()
    if QUALITY in rule.needs and not quality:
        job.note(f"strategy {settings.name}: nothing is bound in phase {phase}; replies are averaged")
        rule = FedAvg()
    if weights == "binding" and not quality:
        job.note(f"strategy.weights=binding: nothing is bound in phase {phase}; nodes count by their examples")
        weights = "examples"
    names = [name for own in sent.values() for name in own]
    return Aggregation(rule, weights, settings.cap, quality, {name: names.count(name) for name in dict.fromkeys(names)})


def binding_quality(pairs: Pairs, samples: Mapping[int, int]) -> dict[int, float]:
    """By node the cosine of a sample's best pair, 0 to 1, mean over all its samples; unbound ones count 0."""
    found = {}
    for node, own in pairs.by_node().items():
        handles, at = np.unique(own.handle, return_inverse=True)
        best = np.zeros(len(handles))
        np.maximum.at(best, at, np.clip(own.cosine, 0.0, 1.0))
        found[node] = float(best.sum() / max(samples.get(node, 0), len(handles), 1))
    return found


def next_round(
    job: Job, by: Aggregation, phase: str, round: int, current: Mapping[str, Block], memory: Mapping[str, Memory],
    contributions: Sequence[Contribution],
) -> tuple[dict[str, Block], dict[str, Memory]]:  # fmt: skip
    """The blocks and what the rule remembers of each, after a round; blocks that it refused are told in the report."""
    told = [
        replace(each, facts={**each.facts, QUALITY: by.quality[each.partition]})
        if each.partition in by.quality
        else each
        for each in contributions
    ]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # what comes of it is looked at below
        outcome = next_blocks(by.rule, current, memory, weighted(told, by.weights, by.cap, by.quality), by.holders)
    outcome = _sound_alone(outcome, current, memory)
    for block, reason in outcome.refused.items():
        job.dispatch.refuse(block, phase, round, reason)
    for block, nodes in outcome.left_out.items():
        for node, reason in nodes.items():
            job.dispatch.refuse(block, phase, round, f"node {node} {reason}", node)
    return outcome.blocks, outcome.memory


def _sound_alone(outcome: Outcome, current: Mapping[str, Block], memory: Mapping[str, Memory]) -> Outcome:
    """The outcome, but blocks stay as they are where the rule made NaN or infinity of finite replies, or remembers it.

    One such number would reach every node and never leave the run again.
    """
    unsound = {
        name for name, block in outcome.blocks.items() if not (_finite(block) and _finite(outcome.memory.get(name, {})))
    }
    return replace(
        outcome,
        blocks={name: current[name] if name in unsound else block for name, block in outcome.blocks.items()},
        memory={name: kept for name, kept in outcome.memory.items() if name not in unsound}
        | {name: memory[name] for name in unsound if name in memory},
        refused={**outcome.refused, **dict.fromkeys(sorted(unsound), "it would hold NaN or infinity")},
    )


def _finite(value: Any) -> bool:
    """Whether arrays and numbers hold neither NaN nor infinity, however deep in mappings."""
    if isinstance(value, Mapping):
        return all(_finite(each) for each in value.values())
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return bool(np.isfinite(value).all())
    return not isinstance(value, float) or math.isfinite(value)
