"""A ClientApp whose process ends once, in the middle of a node's training."""

import os
from pathlib import Path

from client.app import app as whole


def app(message, context):
    reply = whole(message, context)  # what the node kept of this message is in its store, and must not be seen again
    flag = context.node_config.get("dies-once")
    if flag and message.metadata.message_type == "train.contrast" and message.metadata.group_id == "2":
        try:
            Path(flag).touch(exist_ok=False)
        except FileExistsError:
            return reply
        os.kill(os.getpid(), 9)
    return reply


def always(message, context):
    """A ClientApp whose node 1 ends its process whenever it is to train contrastively."""
    if context.node_config["partition-id"] == 1 and message.metadata.message_type == "train.contrast":
        os.kill(os.getpid(), 9)
    return whole(message, context)
