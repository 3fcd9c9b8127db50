"""A node's end of the wire: what came is undone, what goes is coded, and what both need is kept in the node's store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import safetensors.numpy

from client.node import goes_on
from client.store import NodeStore
from configs.nodes import modalities_of, node_places
from configs.schema import Experiment
from protocol.codecs import Codec, codecs_of
from protocol.payload import Block, Payload
from protocol.wire import Known, decode, encode, encode_owing, is_embeddings, is_packed, is_weights

_NAME = "name"  # of kept weights, in their file's metadata


@dataclass(frozen=True)
class NodeWire:
    """One node's end in one job; `store` keeps the weights that it was sent and what it owes, both by block."""

    experiment: Experiment
    store: NodeStore
    partition: int
    job: str  # method and seed

    @classmethod
    def of(cls, experiment: Experiment, store: NodeStore, info: Mapping[str, Any]) -> NodeWire:
        """The end of the node that a message speaks to."""
        return cls(experiment, store, int(info["partition"]), f"{info['method']}:{info['seed']}")

    def received(self, question: Payload) -> Payload:
        """The question as the server meant it; raises ProtocolError for what cannot be undone.

        Weights that the server names are kept until it names others: the next message may bring their difference alone.
        """
        blocks: dict[str, Block] = {}
        for name, block in question.blocks.items():
            blocks[name] = self._decoded(name, block) if is_packed(block) else block
        return Payload(blocks, question.info, question.metrics)

    def sent(self, question: Payload, reply: Payload) -> Payload:
        """The reply as it travels; `question` is what `received` gave, its weights what differences are of."""
        blocks: dict[str, Block] = {}
        for name, block in reply.blocks.items():
            if is_embeddings(name):
                blocks[name] = encode(block, self._codecs["embeddings"])
            elif is_weights(name) and self.experiment.wire.up:
                blocks[name] = self._owing(name, block, question)
            else:
                blocks[name] = block
        return Payload({**self._untouched(question, reply), **blocks}, reply.info, reply.metrics)

    @cached_property
    def _codecs(self) -> dict[str, tuple[Codec, ...]]:
        wire = self.experiment.wire
        return {"up": codecs_of(wire.up, wire.top_k_share), "embeddings": codecs_of(wire.embeddings, wire.top_k_share)}

    def _decoded(self, name: str, packed: Block) -> Block:
        key = f"wire-held:{self.job}:{self.partition}:{name}"
        saved = self.store.get(key)
        held = None if saved is None else Known(_metadata(saved)[_NAME], safetensors.numpy.load(saved))
        block, gives = decode(name, packed, held=held)
        if gives and (held is None or gives != held.name):
            self.store.put(key, safetensors.numpy.save(block, {_NAME: gives}))
        return block

    def _owing(self, name: str, block: Block, question: Payload) -> Block:
        """Coded weights; what their codecs leave out is kept until the last round of the phase, and told with the next."""
        key = f"wire-owed:{self.job}:{self.partition}:{name}"
        info = question.info
        round = int(info.get("round", 1)) - int(info.get("rounds_before", 0))
        saved = self.store.get(key) if goes_on(question, round) else None
        owed = None if saved is None else safetensors.numpy.load(saved)
        coded, owes = encode_owing(block, self._codecs["up"], question.blocks.get(name), owed)
        if owes is None or round == int(info.get("rounds", round)):
            self.store.drop(key)
        else:
            self.store.put(key, safetensors.numpy.save(owes))
        return coded

    def _untouched(self, question: Payload, reply: Payload) -> dict[str, Block]:
        """Where whole models travel, the weights of modalities that the node has not: they go back as they came."""
        if self.experiment.wire.models == "held" or not any(is_weights(name) for name in reply.blocks):
            return {}
        own = modalities_of(self.experiment, node_places(self.experiment)[self.partition].group, self.job.split(":")[0])
        return {
            name: encode(block, self._codecs["up"], block)
            for name, block in question.blocks.items()
            if is_weights(name) and name not in reply.blocks and name.partition(".")[2] not in own
        }


def _metadata(saved: bytes) -> dict[str, str]:
    """The metadata of a safetensors file: its head is JSON behind eight bytes that tell its length."""
    length = int.from_bytes(saved[:8], "little")
    return json.loads(saved[8 : 8 + length]).get("__metadata__", {})
