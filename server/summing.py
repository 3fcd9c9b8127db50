"""Replies that are taken in and added up where the nodes live, so that one sum travels instead of many models.

The checks are those that the server makes of every reply, by the same code; what the server keeps of each reply is its
numbers, its bytes, and why it was refused. Which rules allow it: `strategies.rule.plain_mean`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from protocol.kinds import Kind
from protocol.manifest import Manifest
from protocol.payload import Block, Payload
from server.admission import WeightsGate, check_reply
from strategies.modality_wise import Contribution
from strategies.tree import Part, TreeSum, joined
from strategies.weights import weighted

Weigh = Callable[[Mapping[int, Manifest], Mapping[int, Payload]], list[Contribution]]


@dataclass(frozen=True)
class Counting:
    """What each block of a node's reply counts: `weigh`, then the configuration's weights.

    weigh  a function by its name in a module, as it goes to other processes
    """

    weigh: Weigh
    manifests: Mapping[int, Manifest]
    how: str = "examples"
    cap: int = 100
    quality: Mapping[int, float] = field(default_factory=dict)

    def __call__(self, partition: int, reply: Payload) -> dict[str, float]:
        """By block; one that is not among them counts nothing."""
        told = {p: self.manifests[p] for p in (partition,) if p in self.manifests}
        found = weighted(self.weigh(told, {partition: reply}), self.how, self.cap, self.quality)
        return {name: each.weight for each in found for name in each.blocks}


@dataclass(frozen=True)
class Summing:
    """All that is needed of a round to admit its replies and add them up; holds no weights and no samples."""

    kind: Kind
    gate: WeightsGate
    counts: Counting

    def admitted(self, partition: int, asked: Payload, reply: Payload) -> dict[str, float]:
        """What each of its blocks counts; raises ProtocolError for a reply that the server would refuse."""
        check_reply(self.kind, asked, reply)
        self.gate(partition, reply)
        return {name: weight for name, weight in self.counts(partition, reply).items() if weight > 0}


@dataclass(frozen=True)
class Question:
    """One node's question, not yet in Flower's form."""

    host: int  # Flower's number of the node
    partition: int
    payload: Payload


@dataclass(frozen=True)
class Told:
    """What is told of one reply that was added up where it was made.

    sizes    bytes by record, as it would have travelled; None where the node failed
    refused  why it was not added, or how the node failed; None: it was added
    """

    partition: int
    sizes: Mapping[str, int] | None
    info: Mapping[str, Any]
    metrics: Mapping[str, float]
    refused: str | None = None


@dataclass
class Gathered:
    """A round's replies as they come back from a grid that adds up: what is told of each, sums, and single replies."""

    told: list[Told] = field(default_factory=list)
    parts: dict[str, list[Part]] = field(default_factory=dict)
    single: dict[str, list[tuple[int, float, Block]]] = field(default_factory=dict)

    def join(self, other: Gathered) -> None:
        """Takes in what another process gathered."""
        self.told += other.told
        for name, parts in other.parts.items():
            self.parts.setdefault(name, []).extend(parts)
        for name, single in other.single.items():
            self.single.setdefault(name, []).extend(single)

    def sums(self, current: Mapping[str, Block]) -> dict[str, TreeSum]:
        """By block what its replies come to; a block without one is left out."""
        names = [name for name in current if self.parts.get(name) or self.single.get(name)]
        return {name: joined(current[name], self.parts.get(name, ()), self.single.get(name, ())) for name in names}


def questions_of(asked: Mapping[int, Payload], route: Mapping[int, int]) -> Sequence[Question]:
    """One for each node, in rising order."""
    return [Question(route[partition], partition, payload) for partition, payload in sorted(asked.items())]
