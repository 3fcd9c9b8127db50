"""The `local` engine: a Flower Grid whose nodes live in this process.

The ServerApp and the ClientApp are the real ones, and every message is a real Flower message with serialised arrays;
only the network is left out.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flwr.app import Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp

from client.resident import keep_nodes
from client.store import release
from simulation.grid import SimulatedGrid

_log = logging.getLogger("fedbind.simulation")
_CLIENT_RAISED = 2  # Flower's own code for a client whose handler raised

Watch = Callable[[Message, Message | None], Message | None]
"""Sees a question and its reply; returns what arrives instead, or None for a reply that never comes."""


class LocalGrid(SimulatedGrid):
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
        super().__init__(len(node_configs))
        keep_nodes(4 * len(node_configs))  # as the engine `ray` does: methods differ in what a node may use
        self._contexts = {
            node: Context(self.run.run_id, node, {"store": "memory", **node_config}, RecordDict(), dict(run_config))
            for node, node_config in zip(self.nodes, node_configs, strict=True)
        }

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Asks node after node; replies that took longer than `timeout` seconds since the start do not arrive."""
        started, replies = time.monotonic(), list[Message]()
        for message in messages:
            self.name(message)
            reply = self._handle(message)
            if reply is not None and (timeout is None or time.monotonic() - started <= timeout):
                replies.append(reply)
        return self.order(replies) if self.order is not None else replies

    def close(self) -> None:
        """Forgets the nodes' resident state."""
        release(self.run.run_id)

    def _handle(self, message: Message) -> Message | None:
        context = self._contexts.get(message.metadata.dst_node_id)
        if context is None:
            return Message(Error(5, "no such node"), reply_to=message)
        reply = handled(self.client_app, message, context)
        return self.watch(message, reply) if self.watch is not None else reply


def handled(client_app: Callable[[Message, Context], Message], message: Message, context: Context) -> Message:
    """The node's reply; what the ClientApp raises comes back as an error."""
    try:
        return client_app(message, context)
    except Exception as error:
        _log.exception("a ClientApp raised")
        return Message(Error(_CLIENT_RAISED, f"{type(error).__name__}: {error}"), reply_to=message)
