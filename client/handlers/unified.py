"""Unified: takes the frozen encoder in, and makes the latents that every later message learns from."""

from __future__ import annotations

from client.frozen import BLOCK, take_encoder
from client.latents.cache import sums_of
from client.node import Node
from models.unified import SIGNAL_KINDS
from protocol.payload import Block, Payload


def unified(node: Node, question: Payload) -> Payload:
    """Whether the node holds the encoder that the message names by its hash, or brings.

    Asked to (`sums`), it makes the latents of all its windows, and tells the sums over them that normalise latents; a
    node that only tests has no say in it.
    """
    block = question.blocks.get(BLOCK)
    held = take_encoder(node.store, node.node_config, node.method, node.seed, str(question.info["sha256"]), block)
    blocks: dict[str, Block] = {}
    if held and question.info.get("sums") and node.place.group != "test":
        for modality, shape in node.holdings.shapes.items():
            if shape.kind in SIGNAL_KINDS:
                view = node.view(question, modality)
                sums = sums_of(view.raw, view.present)
                blocks[f"latents.{modality}"] = {key: value.numpy() for key, value in sums.items()}
    return Payload(blocks, {"held": held})
