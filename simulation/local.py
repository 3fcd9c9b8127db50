"""The `local` engine: a Flower Grid whose nodes live in this process.

The ServerApp and the ClientApp are the real ones, and every message is a real Flower message with serialised arrays;
only the network is left out.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from flwr.app import Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

from client.store import release

_log = logging.getLogger("fedbind.simulation")
_SERVER_ID = 1
_CLIENT_RAISED = 2  # Flower's own code for a client whose handler raised

Watch = Callable[[Message, Message | None], Message | None]
"""Sees a question and its reply; returns what arrives instead, or None for a reply that never comes."""


class LocalGrid(Grid):
    """Nodes with resident state, asked one after another.

    client_app   the ClientApp all nodes run
    node_configs one node-config per node
    run_config   as Flower would hand it to both apps
    watch        sees and may change every reply, for tests of privacy and of faults
    order        gives the order in which a round's replies come back; the default is the order of asking
    """

    def __init__(
        self,
        client_app: ClientApp,
        node_configs: Sequence[Mapping[str, Any]],
        run_config: Mapping[str, Any],
        *,
        watch: Watch | None = None,
        order: Callable[[list[Message]], list[Message]] | None = None,
    ) -> None:
        self.client_app, self.watch, self.order = client_app, watch, order
        self._run = Run.create_empty(uuid4().int >> 65)
        self._contexts = {
            100 + index: Context(
                self._run.run_id, 100 + index, {"store": "memory", **node_config}, RecordDict(), dict(run_config)
            )
            for index, node_config in enumerate(node_configs)
        }
        self._replies: dict[str, Message] = {}
        self._identify()

    def _identify(self) -> None:
        """Says whose messages are made here; Flower asks before it makes one."""
        TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, self._run.run_id, _SERVER_ID

    def set_run(self, run: Run) -> None:
        """Takes the run's identity from outside."""
        self._run = run
        self._identify()

    @property
    def run(self) -> Run:
        """The run."""
        return self._run

    def create_message(
        self, content: RecordDict, message_type: str, dst_node_id: int, group_id: str, ttl: float | None = None
    ) -> Message:
        """A message to one node."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        """All nodes; they are there from the start."""
        return list(self._contexts)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Has each message handled at once and keeps the reply for `pull_messages`."""
        asked = []
        for message in messages:
            message.metadata.__dict__["_message_id"] = str(uuid4())
            asked.append(message.metadata.message_id)
            reply = self._handle(message)
            if reply is not None:
                self._replies[message.metadata.message_id] = reply
        return asked

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Replies to these messages, as far as there are any."""
        return [self._replies.pop(each) for each in message_ids if each in self._replies]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Asks node after node; replies that took longer than `timeout` seconds since the start do not arrive."""
        started, replies = time.monotonic(), []
        for message in messages:
            arrived = list(self.pull_messages(self.push_messages([message])))
            if timeout is None or time.monotonic() - started <= timeout:
                replies += arrived
        return self.order(replies) if self.order is not None else replies

    def close(self) -> None:
        """Forgets the nodes' resident state."""
        release(self._run.run_id)

    def _handle(self, message: Message) -> Message | None:
        context = self._contexts.get(message.metadata.dst_node_id)
        if context is None:
            return Message(Error(5, "no such node"), reply_to=message)
        try:
            reply: Message | None = self.client_app(message, context)
        except Exception as error:
            _log.exception("a ClientApp raised")
            reply = Message(Error(_CLIENT_RAISED, f"{type(error).__name__}: {error}"), reply_to=message)
        return self.watch(message, reply) if self.watch is not None else reply
