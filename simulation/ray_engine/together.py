"""Nodes that are trained side by side in one actor, where their ClientApp says how and where that is faster.

A ClientApp's module offers it under the name `together`, a mapping from message types to a `Together`. The plain loop, one
message after another, is its twin: replies agree within a tolerance that the module's tests state.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Literal, Protocol

from flwr.app import Context, Message

_log = logging.getLogger("fedbind.simulation")

MOST = 10  # nodes side by side: more leave the processor's cache
TRIALS = 2  # rounds that each way is timed, of which the better one counts: a first round warms up
Batching = Literal["off", "on", "auto"]
Pair = tuple[Message, Context]


class Together(Protocol):
    """What a ClientApp's module says of one message type."""

    def alike(self, message: Message, context: Context) -> Hashable | None:
        """Nodes of equal value can be trained side by side; None: this one cannot."""

    def answer(self, messages: Sequence[Message], contexts: Sequence[Context]) -> list[Message]:
        """The replies of nodes that are alike, in order."""


@dataclass
class Batches:
    """Answers one actor's messages, side by side or one after another.

    on    as it can be
    auto  two rounds one after another and two side by side, then whichever took less CPU time a node, by kind of node
    """

    how: Batching
    offered: Mapping[str, Together]
    alone: Callable[[Message, Context], Message]
    _least: dict[Hashable, dict[bool, float]] = field(default_factory=dict)
    _rounds: dict[Hashable, int] = field(default_factory=dict)
    _broken: set[Hashable] = field(default_factory=set)

    def answers(self, pairs: Iterable[Pair]) -> Iterator[tuple[Pair, Message, float]]:
        """Each message with its reply and the CPU seconds it took, in the order given; neighbours go side by side."""
        seen: set[Hashable] = set()
        for key, run in groupby(pairs, key=self._key):
            if key is not None:
                self._rounds[key] = self._rounds.get(key, 0) + (key not in seen)
                seen.add(key)
            side_by_side = self._side_by_side(key)
            while some := list(islice(run, MOST if side_by_side else 1)):
                started = time.process_time()
                replies = self._answered(key, some, side_by_side)
                each = (time.process_time() - started) / len(some)
                if key is not None:
                    least = self._least.setdefault(key, {})
                    least[side_by_side] = min(each, least.get(side_by_side, each))
                yield from ((pair, reply, each) for pair, reply in zip(some, replies, strict=True))

    def _key(self, pair: Pair) -> Hashable | None:
        message, context = pair
        kind = message.metadata.message_type
        offer = None if self.how == "off" else self.offered.get(kind)
        alike = None if offer is None else offer.alike(message, context)
        return None if alike is None else (kind, alike)

    def _side_by_side(self, key: Hashable | None) -> bool:
        if key is None or key in self._broken:
            return False
        if self.how == "on":
            return True
        round, least = self._rounds[key], self._least.get(key, {})
        if round <= 2 * TRIALS:
            return round > TRIALS
        return least.get(True, float("inf")) < least.get(False, float("inf"))

    def _answered(self, key: Hashable | None, some: Sequence[Pair], side_by_side: bool) -> list[Message]:
        if side_by_side and len(some) > 1:
            messages, contexts = [message for message, _ in some], [context for _, context in some]
            try:
                return self.offered[messages[0].metadata.message_type].answer(messages, contexts)
            except Exception:
                _log.exception("nodes side by side failed; from now on they are asked one after another")
                self._broken.add(key)
        return [self.alone(message, context) for message, context in some]
