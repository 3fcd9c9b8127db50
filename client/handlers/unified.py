"""Unified: takes the frozen encoder in, and makes the latents that every later message learns from."""

from __future__ import annotations

from client.frozen import AXES, BLOCK, take_axes, take_encoder
from client.node import Node
from models.unified import SIGNAL_KINDS
from protocol.payload import Block, Payload


def unified(node: Node, question: Payload) -> Payload:
    """Whether the node holds the encoder that the message names by its hash, or brings.

    Asked to (`sums`), it makes the latents of all its windows, and tells the sums over them from which the axes follow; a
    node that only tests has no say in it. Told the axes (`latents.*` blocks), it keeps them.
    """
    block = question.blocks.get(BLOCK)
    held = take_encoder(node.store, node.node_config, node.method, node.seed, str(question.info["sha256"]), block)
    if held and any(name.startswith(AXES) for name in question.blocks):
        take_axes(node.store, node.method, node.seed, node.place.partition, question.blocks)
    blocks: dict[str, Block] = {}
    if held and question.info.get("sums") and node.place.group != "test":
        for modality, shape in node.holdings.shapes.items():
            if shape.kind in SIGNAL_KINDS:
                blocks[f"{AXES}{modality}"] = node.latent_sums(question, modality)
    return Payload(blocks, {"held": held})
