"""The server's end of the wire: a round's weights are coded once for all nodes that hold the same, replies are undone.

Where `wire.down` takes differences, the server knows of each node what it decoded last. The next difference is of the
server's own weights to that, so what coarse codecs round away comes with the next one. A node that did not answer, or said
that it holds something else, is sent everything whole the next time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from configs.wire_settings import WireSettings
from protocol.codecs import Codec, codecs_of
from protocol.kinds import Kind
from protocol.payload import Block, Payload
from protocol.wire import Known, decode, encode, is_embeddings, is_packed, is_weights, named_only

Same = tuple[tuple[str, int], ...]  # tensors by identity: nodes share most


@dataclass(frozen=True)
class _Sent:
    """A block on its way: as it was meant, as it travels, and what the node has of it afterwards."""

    meant: Block
    coded: Block
    known: Known | None


@dataclass
class ServerWire:
    """One job's end."""

    settings: WireSettings = field(default_factory=WireSettings)
    held: dict[int, dict[str, _Sent]] = field(default_factory=dict)  # node -> block -> what it was sent last
    _made: dict[tuple[str, Same, str], _Sent] = field(default_factory=dict)
    _round: tuple[str, int] = ("", 0)
    _lent: dict[int, set[str]] = field(
        default_factory=dict
    )  # node -> networks in its question for whole models' sake alone

    def sent(self, kind: Kind, questions: Mapping[int, Payload], phase: str, round: int) -> dict[int, Payload]:
        """The questions as they travel, by node."""
        if (phase, round) != self._round:  # what was coded in this round serves its further questions too
            self._made.clear()
            self._round = (phase, round)
        self._lent.clear()
        if self.settings.models == "whole" and kind.remembers:
            asked, questions = questions, _whole(questions)
            self._lent = {p: set(questions[p].blocks) - set(payload.blocks) for p, payload in asked.items()}
        if not self.settings.down and not self.settings.embeddings:
            return dict(questions)
        return {p: self._coded(kind, p, payload) for p, payload in sorted(questions.items())}

    def received(self, partition: int, question: Payload, reply: Payload) -> Payload:
        """A node's reply to the last question as it meant it, without networks that it was sent for whole models' sake alone.

        Differences are added to the server's own weights, not to what a coarse `wire.down` made of them: rounding on the way
        down is not averaged into the model. Raises ProtocolError for what cannot be undone.
        """
        blocks: dict[str, Block] = {}
        for name, block in reply.blocks.items():
            if name in self._lent.get(partition, ()):
                continue
            base = question.blocks.get(name)
            blocks[name] = decode(name, block, base)[0] if is_packed(block) else block
        return Payload(blocks, reply.info, reply.metrics)

    def begin_phase(self) -> None:
        """From here on every node is sent everything whole once: what a job that was stopped sends when it goes on."""
        self.held.clear()
        self._made.clear()

    def forget(self, partition: int) -> None:
        """Whatever the node was sent before, it may not hold it."""
        self.held.pop(partition, None)

    def _coded(self, kind: Kind, partition: int, payload: Payload) -> Payload:
        blocks: dict[str, Block] = {}
        for name, block in payload.blocks.items():
            if is_embeddings(name):
                blocks[name] = encode(block, codecs_of(self.settings.embeddings, self.settings.top_k_share))
            elif is_weights(name) and self.settings.down:
                blocks[name] = self._weights(kind, partition, name, block)
            else:
                blocks[name] = block
        return Payload(blocks, payload.info, payload.metrics)

    def _weights(self, kind: Kind, partition: int, name: str, block: Block) -> Block:
        codecs = codecs_of(self.settings.down, self.settings.top_k_share)
        keeps = codecs[0].name == "delta" and kind.remembers
        last = self.held.get(partition, {}).get(name) if keeps else None
        if last is not None and last.known is not None and _same(last.meant) == _same(block):
            return named_only(last.known.name)
        known = last.known if last is not None else None
        key = (name, _same(block), known.name if known else "")
        if key not in self._made:
            self._made[key] = _code(name, block, codecs, known, keeps)
        made = self._made[key]
        if keeps:
            self.held.setdefault(partition, {})[name] = made
        return made.coded


def _code(name: str, block: Block, codecs: tuple[Codec, ...], known: Known | None, keeps: bool) -> _Sent:
    """The block coded for nodes that hold `known` of it."""
    base, of = (known.block, known.name) if known else (None, "")
    if not keeps:
        return _Sent(block, encode(block, codecs), None)
    gives = _digest(block, of)
    coded = encode(block, codecs, base, of, gives)
    return _Sent(block, coded, Known(gives, decode(name, coded, held=known)[0]))


def _digest(block: Block, of: str) -> str:
    """A name for what a node decodes: it follows from the weights that were meant, and from what the node had."""
    told = hashlib.sha256(of.encode())
    for key, value in sorted(block.items()):
        told.update(key.encode() + np.ascontiguousarray(value).tobytes())
    return told.hexdigest()[:16]


def _same(block: Block) -> Same:
    return tuple(sorted((key, id(value)) for key, value in block.items()))


def _whole(questions: Mapping[int, Payload]) -> dict[int, Payload]:
    """Every question with the weights that any of them holds."""
    union = {name: b for payload in questions.values() for name, b in payload.blocks.items() if is_weights(name)}
    return {p: Payload({**union, **payload.blocks}, payload.info, payload.metrics) for p, payload in questions.items()}
