"""The ClientApp of the bench: packs, checks and answers as `client.app` does, and trains the bench's model."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch
from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from models.stacked import can_stack
from protocol.kinds import ECHO, Kind, Leaves, checked_reply
from protocol.payload import Block, Payload
from simulation.bench.rounds.task import BATCH, STEPS, data_of, network, trained, trained_together

KIND = Kind("train.bench", (Leaves("encoder.*", "weights of the bench's model"),), (), ("examples", "loss"))

app = ClientApp()


@app.train("bench")
def bench(message: Message, context: Context) -> Message:
    """The model after a few steps on the data of the node that the message speaks to."""
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    question = Payload.from_records(message.content)
    ((name, block),) = question.blocks.items()
    learnt, loss = trained(name.partition(".")[2], int(question.info["partition"]), block)
    return _reply(message, context, question, learnt, loss)


class SideBySide:
    """Nodes of one model with equally many samples, as long as its layers can be stacked."""

    def alike(self, message: Message, context: Context) -> Hashable | None:
        """The model, and the form of a node's samples."""
        ((record, _),) = ((name, each) for name, each in message.content.items() if name.startswith("arrays:"))
        model = record.rpartition(".")[2]
        question = Payload.from_records(message.content)
        samples, _ = data_of(model, int(question.info["partition"]))
        return (model, tuple(samples.shape)) if can_stack(network(model)) else None

    def answer(self, messages: Sequence[Message], contexts: Sequence[Context]) -> list[Message]:
        """Each node's weights, all trained from the same ones."""
        questions = [Payload.from_records(message.content) for message in messages]
        ((name, block),) = questions[0].blocks.items()
        nodes = [int(question.info["partition"]) for question in questions]
        learnt = trained_together(name.partition(".")[2], nodes, block)
        return [
            _reply(message, context, question, own, loss)
            for message, context, question, (own, loss) in zip(messages, contexts, questions, learnt, strict=True)
        ]


together = {KIND.message_type: SideBySide()}


def _reply(message: Message, context: Context, question: Payload, learnt: Block, loss: float) -> Message:
    (name,) = question.blocks
    echo = {key: question.info[key] for key in ECHO}
    reply = Payload({name: learnt}, echo, {"examples": float(STEPS * BATCH), "loss": loss})
    resident = bool(context.node_config.get("resident"))
    return Message(checked_reply(KIND, reply).to_records(resident=resident), reply_to=message)
