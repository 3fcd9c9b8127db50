"""What is asked of an actor in one call, and what comes back of it: whole messages, or sums of a round's replies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from flwr.app import Error, Message

from simulation.ray_engine.parcel import Parcel, Shared, packed, unpacked


class Taker(Protocol):
    """Takes an actor's replies, one after another."""

    def take(self, message: Message, reply: Message) -> None:
        """One reply and what it answers."""

    def told(self) -> Any:
        """What goes back to the driver."""


class Asked(Protocol):
    """One call's questions, as they travel."""

    def messages(self, common: Any) -> Iterator[Message]:
        """In the order in which they are handled; `common` is what the round's calls share."""

    def taker(self, common: Any) -> Taker:
        """Who takes the replies."""


class Round(Protocol):
    """A round as the driver sees it."""

    kind: str
    common: Any  # what its calls share, for the object store; None for nothing

    def nodes(self) -> Sequence[int]:
        """Who is asked."""

    def asked(self, nodes: Sequence[int]) -> Asked:
        """What a call to these nodes is sent."""

    def results(self, told: Any) -> Iterator[Any]:
        """What a call that came back brought."""

    def lost(self, node: int, reason: str) -> Iterator[Any]:
        """What stands for a node of which no reply will come."""


@dataclass(frozen=True)
class AskedMessages:
    """Whole messages: parcels, and the buffers that are theirs alone."""

    parcels: Sequence[Parcel]
    own: Sequence[np.ndarray]

    def messages(self, common: Sequence[np.ndarray] | None) -> Iterator[Message]:
        """The messages."""
        buffers = [each.tobytes() for each in common or ()]  # once a call, however many messages hold it
        for parcel in self.parcels:
            yield unpacked(parcel, buffers, [each.data for each in self.own])

    def taker(self, common: Sequence[np.ndarray] | None) -> Replies:
        """Keeps every reply."""
        return Replies()


@dataclass
class Replies:
    """Whole replies."""

    replies: list[Message] = field(default_factory=list)

    def take(self, message: Message, reply: Message) -> None:
        """Keeps it."""
        self.replies.append(reply)

    def told(self) -> tuple[list[Parcel], list[np.ndarray]]:
        """All of them, packed."""
        return packed(self.replies)


class Messages:
    """A round of whole messages, by node."""

    def __init__(self, by_node: Mapping[int, Sequence[Message]]):
        self._by_node = by_node
        self.kind = next(iter(by_node.values()))[0].metadata.message_type
        self._shared = Shared([message for own in by_node.values() for message in own])
        self.common = self._shared.buffers or None

    def nodes(self) -> Sequence[int]:
        """Who is asked."""
        return list(self._by_node)

    def asked(self, nodes: Sequence[int]) -> AskedMessages:
        """Their messages."""
        return AskedMessages(*packed([message for node in nodes for message in self._by_node[node]], self._shared))

    def results(self, told: tuple[list[Parcel], list[np.ndarray]]) -> Iterator[Message]:
        """The replies."""
        parcels, own = told
        views = [each.data for each in own]
        for parcel in parcels:
            yield unpacked(parcel, (), views)

    def lost(self, node: int, reason: str) -> Iterator[Message]:
        """An error in answer to each message."""
        for message in self._by_node[node]:
            yield Message(Error(2, reason), reply_to=message)
