"""A round whose replies are added up in the actors: questions travel as arrays, and sums come back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.app.message import make_message
from flwr.app.metadata import Metadata

from protocol.arrays import filled
from protocol.payload import Block, Payload, ProtocolError, bytes_by_record
from server.summing import Gathered, Question, Summing, Told
from simulation.ray_engine.asking import Asked
from strategies.tree import Subtree, TreeSum, holder, owned

Records = dict[str, ArrayRecord | ConfigRecord | MetricRecord]


@dataclass(frozen=True)
class Common:
    """What all calls of a round share.

    blocks    the blocks that more than one question holds
    metadata  of a message of the round, as Flower made one
    """

    blocks: Sequence[Block]
    metadata: Mapping[str, Any]
    summing: Summing


@dataclass(frozen=True)
class AskedQuestions:
    """One call's questions.

    questions  (node, partition, its blocks by name: a number among the common ones, or the block itself; info, metrics)
    subtrees   of the round's nodes those that lie here with all that is asked of them
    """

    questions: Sequence[tuple[int, int, Mapping[str, int | Block], Mapping[str, Any], Mapping[str, float]]]
    subtrees: Sequence[Subtree]

    def messages(self, common: Common) -> Iterator[Message]:
        """The messages, whose arrays lie in memory that is shared and cannot be written to."""
        made = [_records({"": block})[""] for block in common.blocks]
        for node, partition, blocks, info, metrics in self.questions:
            records: Records = {
                f"arrays:{name}": made[at] if isinstance(at, int) else _records({"": at})[""]
                for name, at in blocks.items()
            }
            records.update(Payload({}, info, metrics).to_records().items())
            metadata = Metadata.__new__(Metadata)
            metadata.__dict__.update(common.metadata, _dst_node_id=node, _message_id=f"{node}:{partition}")
            yield make_message(metadata, content=filled(RecordDict(), records))

    def taker(self, common: Common) -> Adding:
        """Admits every reply and adds it up."""
        return Adding(common.summing, self.subtrees, {node: (p, info) for node, p, _, info, _ in self.questions})


@dataclass
class Adding:
    """Replies that are admitted and added up as they come, the nodes in rising order."""

    summing: Summing
    subtrees: Sequence[Subtree]
    asked: Mapping[int, tuple[int, Mapping[str, Any]]]
    gathered: Gathered = field(default_factory=Gathered)
    sums: dict[tuple[str, Subtree], TreeSum] = field(default_factory=dict)

    def take(self, message: Message, reply: Message) -> None:
        """One reply: what it says is kept, its blocks are not, unless they lie in no subtree of ours."""
        partition, info = self.asked[message.metadata.dst_node_id]
        if reply.has_error():
            self.gathered.told.append(Told(partition, None, {}, {}, reply.error.reason or "no reason given"))
            return
        sizes = bytes_by_record(reply.content)
        try:
            answer = Payload.from_records(reply.content)
            weights = self.summing.admitted(partition, Payload({}, info), answer)
        except (ProtocolError, ValueError, TypeError, OverflowError) as error:
            self.gathered.told.append(Told(partition, sizes, {}, {}, str(error)))
            return
        self.gathered.told.append(Told(partition, sizes, answer.info, answer.metrics))
        at = holder(self.subtrees, partition)
        for name, weight in weights.items():
            block = answer.blocks[name]
            if at is None:
                self.gathered.single.setdefault(name, []).append((partition, weight, block))
                continue
            if (name, at) not in self.sums:
                self.sums[name, at] = TreeSum(self.summing.gate.like[name])  # type: ignore[arg-type]
            self.sums[name, at].add(block, weight, partition)

    def told(self) -> Gathered:
        """What is told of each, and the sums."""
        for (name, at), found in self.sums.items():
            self.gathered.parts.setdefault(name, []).append(found.whole(at))
        return self.gathered


class Questions:
    """A round of questions that are answered by sums."""

    def __init__(self, questions: Sequence[Question], summing: Summing, metadata: Mapping[str, Any]):
        self._by_node = {question.host: question for question in questions}
        self.kind = summing.kind.message_type
        times: dict[int, int] = {}
        blocks: dict[int, Block] = {}
        for question in questions:
            for block in question.payload.blocks.values():
                blocks[id(block)] = block
                times[id(block)] = times.get(id(block), 0) + 1
        shared = [key for key, count in times.items() if count > 1]
        self._at = {key: at for at, key in enumerate(shared)}
        self.common = Common([_plain(blocks[key]) for key in shared], dict(metadata), summing)

    def nodes(self) -> Sequence[int]:
        """Who is asked."""
        return list(self._by_node)

    def asked(self, nodes: Sequence[int]) -> Asked:
        """Their questions in rising order, as sums go by it."""
        mine = sorted((self._by_node[node] for node in nodes), key=lambda question: question.partition)
        everyone = [question.partition for question in self._by_node.values()]
        return AskedQuestions(
            [
                (each.host, each.partition, self._told(each.payload), each.payload.info, each.payload.metrics)
                for each in mine
            ],
            owned([question.partition for question in mine], everyone),
        )

    def results(self, told: Gathered) -> Iterator[Gathered]:
        """What a call gathered."""
        yield told

    def lost(self, node: int, reason: str) -> Iterator[Gathered]:
        """A node that failed."""
        yield Gathered([Told(self._by_node[node].partition, None, {}, {}, reason)])

    def _told(self, payload: Payload) -> dict[str, int | Block]:
        return {
            name: self._at[id(block)] if id(block) in self._at else _plain(block)
            for name, block in payload.blocks.items()
        }


def _plain(block: Block) -> Block:
    return {str(key): np.asarray(value, order="C") for key, value in block.items()}


def _records(blocks: Mapping[str, Block]) -> dict[str, ArrayRecord]:
    content = Payload(blocks).to_records(resident=True)
    return {name.removeprefix("arrays:"): record for name, record in content.items()}  # type: ignore[misc]
