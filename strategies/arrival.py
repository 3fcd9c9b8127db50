"""Replies in the order of their nodes, however they arrive, with as few of them held as that allows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from strategies.rule import Reply


class InOrder:
    """Lets replies through by rising node; early ones wait.

    Nodes that are asked one after another, or a few at a time, answer nearly in order: what waits is then bounded by how
    many are asked at a time, not by how many there are. `most_held` says how many waited at once.
    """

    def __init__(self, nodes: Iterable[int]):
        self._next = deque(sorted(nodes))
        self._known = set(self._next)
        self._waiting: dict[int, Reply | None] = {}
        self.most_held = 0

    def take(self, reply: Reply) -> Iterator[Reply]:
        """What may be added now that this reply is there; raises ValueError for one that is not awaited."""
        return self._settle(reply.node, reply)

    def gone(self, node: int) -> Iterator[Reply]:
        """What may be added now that it is known that this node does not answer."""
        return self._settle(node, None)

    def _settle(self, node: int, reply: Reply | None) -> Iterator[Reply]:
        if node not in self._known:
            raise ValueError(f"node {node} is not awaited, or answered before")
        self._known.discard(node)
        self._waiting[node] = reply
        held = sum(each is not None for each in self._waiting.values())
        self.most_held = max(self.most_held, held - (reply is not None and self._next[0] == node))
        ready = []
        while self._next and self._next[0] in self._waiting:
            ready.append(self._waiting.pop(self._next.popleft()))
        return (each for each in ready if each is not None)
