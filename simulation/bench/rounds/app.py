"""The ClientApp of the bench: packs, checks and answers as `client.app` does, and trains the bench's model."""

from __future__ import annotations

import torch
from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from protocol.kinds import ECHO, Kind, Leaves, checked_reply
from protocol.payload import Payload
from simulation.bench.rounds.task import BATCH, STEPS, trained

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
    echo = {key: question.info[key] for key in ECHO}
    reply = Payload({name: learnt}, echo, {"examples": float(STEPS * BATCH), "loss": loss})
    resident = bool(context.node_config.get("resident"))
    return Message(checked_reply(KIND, reply).to_records(resident=resident), reply_to=message)
