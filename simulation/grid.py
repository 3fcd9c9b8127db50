"""What every Grid of a simulation has: a run of its own, nodes that are there from the start, messages with ids."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

_SERVER_ID = 1
_FIRST_NODE = 100


class SimulatedGrid(Grid):
    """A Grid of `count` nodes; how they are asked is `send_and_receive`'s business."""

    def __init__(self, count: int) -> None:
        self._run = Run.create_empty(uuid4().int >> 65)
        self.nodes = range(_FIRST_NODE, _FIRST_NODE + count)
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
        return list(self.nodes)

    def name(self, message: Message) -> str:
        """Gives the message an id, by which its reply is known."""
        message.metadata.__dict__["_message_id"] = str(uuid4())
        return message.metadata.message_id

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Has messages handled at once and keeps the replies for `pull_messages`."""
        asked = list(messages)
        for reply in self.send_and_receive(asked):
            self._replies[reply.metadata.reply_to_message_id] = reply
        return [message.metadata.message_id for message in asked]

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Replies to these messages, as far as there are any."""
        return [self._replies.pop(each) for each in message_ids if each in self._replies]
