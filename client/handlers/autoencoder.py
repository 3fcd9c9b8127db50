"""Autoencoder: trains the shared modality's autoencoder on the node's windows of it."""

from __future__ import annotations

from client.node import Node
from client.training.autoencoder import train_autoencoder
from models.blocks import as_block, load_block, new_autoencoder
from protocol.payload import Payload, ProtocolError


def autoencoder(node: Node, question: Payload) -> Payload:
    """The weights after local training, with the number of windows and their mean squared error."""
    experiment, modality = node.experiment, node.experiment.bind.by
    view = node.view(question, modality)
    windows = view.take(view.present).clean()
    if not len(windows):
        raise ProtocolError(f"no sample of {modality} on this node")
    model = new_autoencoder(modality, node.shapes[modality], experiment.autoencoder, node.seed)
    load_block(model, question.blocks[f"autoencoder.{modality}"])
    seed = node.seed_for("autoencoder", question.info["round"])
    loss = train_autoencoder(model, windows, experiment.autoencoder, experiment.epochs.autoencoder, seed)
    return Payload({f"autoencoder.{modality}": as_block(model)}, {}, {"examples": len(windows), "loss": loss})
