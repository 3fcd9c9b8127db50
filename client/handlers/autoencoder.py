"""Autoencoder: trains the encoder of the shared modality on the node's windows of it."""

from __future__ import annotations

from client.node import Node, goes_on
from client.training.autoencoder import new_optimiser, train_autoencoder
from client.training.moments import moments_to_bytes
from models.blocks import as_block, load_block, new_autoencoder
from models.schedule import scheduled_rate
from protocol.payload import Payload, ProtocolError


def autoencoder(node: Node, question: Payload) -> Payload:
    """The weights after local training, with the number of windows and their mean loss."""
    experiment, modality = node.experiment, node.asked_by(question)
    settings, rounds = experiment.autoencoder, int(question.info["rounds"])
    round = int(question.info["round"]) - int(question.info.get("rounds_before", 0))  # of this modality
    view = node.shared_view(question, modality)
    view = view.take(view.present)
    if not len(view):
        raise ProtocolError(f"no sample of {modality} on this node")
    model = new_autoencoder(modality, node.shapes[modality], settings, node.seed)
    load_block(model, question.blocks[f"autoencoder.{modality}"])
    name = f"autoencoder:{node.method}:{node.seed}:{node.place.partition}:{modality}"
    moments = node.store.get(name) if goes_on(question, round) else None
    optimiser = new_optimiser(model, settings, scheduled_rate(settings.rate, round, rounds), moments)
    change = node.shared_change(node.shapes[modality])
    seed = node.seed_for("autoencoder", round, *node.apart(modality))
    loss = train_autoencoder(
        model, view, optimiser, settings, experiment.epochs.autoencoder, change, experiment.augment.jitter, seed
    )
    if round == rounds:
        node.store.drop(name)
    else:
        node.store.put(name, moments_to_bytes(optimiser))
    return Payload({f"autoencoder.{modality}": as_block(model)}, {}, {"examples": len(view), "loss": loss})
