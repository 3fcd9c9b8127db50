"""Autoencoder: trains the encoder of the shared modality on the node's windows of it."""

from __future__ import annotations

from client.handlers.contrast import left_here
from client.handlers.corrected import own_kept, trained
from client.node import Node, goes_on
from client.training.autoencoder import OnlyEncoder, new_optimiser, train_autoencoder
from client.training.local_part import LocalCorrection, put
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
    block, on = f"autoencoder.{modality}", goes_on(question, round)
    before = own_kept(node, block) if on else {}
    name = f"autoencoder:{node.method}:{node.seed}:{node.place.partition}:{modality}"
    moments, rate = node.store.get(name) if on else None, scheduled_rate(settings.rate, round, rounds)

    def begun() -> OnlyEncoder:
        network = new_autoencoder(modality, node.shapes[modality], settings, node.seed)
        load_block(network, question.blocks[block])
        made = OnlyEncoder(block, network, new_optimiser(network, settings, rate, moments))
        if question.info.get("correction", {}).get("name") == "personal":
            put(made, before)
        return made

    change = node.shared_change(node.shapes[modality])
    seed = node.seed_for("autoencoder", round, *node.apart(modality))

    def train(only: OnlyEncoder, correction: LocalCorrection | None) -> float:
        return train_autoencoder(
            only.network, view, only.optimiser, settings, experiment.epochs.autoencoder, change,
            experiment.augment.jitter, seed, correction,
        )  # fmt: skip

    model = begun()
    loss, own, told = trained(node, question, model, train, begun, before, part=block)
    if round == rounds:
        node.store.drop(name)
    else:
        node.store.put(name, moments_to_bytes(model.optimiser))
    learnt = left_here({block: as_block(model.network)}, question, own, ())
    return Payload(learnt, {}, {"examples": len(view), "loss": loss, **told})
