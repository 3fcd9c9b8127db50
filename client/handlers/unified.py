"""Unified: takes the frozen encoder in, and makes the latents that every later message learns from."""

from __future__ import annotations

from client.frozen import take_axes, take_encoder
from client.node import Node
from models.unified import SIGNAL_KINDS, is_mixed
from protocol.frozen import AXES, BLOCK, MIXTURE
from protocol.payload import Block, Payload


def unified(node: Node, question: Payload) -> Payload:
    """Whether the node holds the encoder that the message names by its hash, or brings.

    It names the modalities of so many signals that they are mixed into fewer. Asked to (`mixed`), it tells sums over these
    signals, from which the mixture follows; asked to (`sums`), it makes the latents of all its windows, and tells the sums
    over them from which the axes follow. A node that only tests has no say in either. Told mixture or axes (`mixture.*`,
    `latents.*` blocks), it keeps them.
    """
    block = question.blocks.get(BLOCK)
    held = take_encoder(node.store, node.node_config, node.method, node.seed, str(question.info["sha256"]), block)
    if held and any(name.startswith((AXES, MIXTURE)) for name in question.blocks):
        take_axes(node.store, node.method, node.seed, node.place.partition, question.blocks)
    settings, shapes = node.experiment.models.unified, node.holdings.shapes
    mixed = sorted(modality for modality, shape in shapes.items() if is_mixed(shape, settings))
    blocks: dict[str, Block] = {}
    if held and node.place.group != "test":
        if question.info.get("mixed"):
            blocks |= {f"{MIXTURE}{modality}": node.signal_sums(question, modality) for modality in mixed}
        if question.info.get("sums"):
            signals = [modality for modality, shape in shapes.items() if shape.kind in SIGNAL_KINDS]
            blocks |= {f"{AXES}{modality}": node.latent_sums(question, modality) for modality in signals}
    return Payload(blocks, {"held": held, "mixed": mixed})
