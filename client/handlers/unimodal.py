"""Unimodal: each modality's encoder learns by itself on the node's own windows."""

from __future__ import annotations

from client.handlers.contrast import contrast_model, left_here, model_blocks
from client.handlers.corrected import kept, trained
from client.node import Node, goes_on
from client.training.contrast import Contrast
from client.training.local_part import LocalCorrection
from client.training.moments import moments_to_bytes, take_up
from client.training.personal import whole_blocks
from client.training.unimodal import train_unimodal
from client.training.views import strength_for
from models.schedule import scheduled_rate
from protocol.payload import Payload


def unimodal(node: Node, question: Payload) -> Payload:
    """The weights after local training of every encoder and projection in the message."""
    experiment = node.experiment
    model = contrast_model(node, question)
    phase, round, rounds = (question.info[key] for key in ("phase", "round", "rounds"))
    name = f"unimodal:{phase}:{node.method}:{node.seed}:{node.place.partition}"
    rate = scheduled_rate(experiment.contrast.rate, int(round), int(rounds))
    take_up(model.optimiser, node.store.get(name) if goes_on(question, int(round)) else None, rate)
    changes = {m: strength_for(s.kind, experiment.augment, s.layout) for m, s in node.shapes.items()}

    def train(network: Contrast, correction: LocalCorrection | None) -> float:
        return train_unimodal(
            network, {m: node.view(question, m) for m in network.encoders}, experiment.contrast,
            experiment.epochs.contrast, changes, experiment.augment.jitter, node.seed_for("unimodal", phase, round),
            node.own_label, correction,
        )  # fmt: skip

    loss, own, told = trained(
        node, question, model, train, lambda: contrast_model(node, question), kept(node, question)
    )
    if round == rounds:
        node.store.drop(name)
    else:
        node.store.put(name, moments_to_bytes(model.optimiser))
    learnt = left_here(model_blocks(model), question, own, whole_blocks(own, model))
    return Payload(learnt, {}, {"examples": float(len(node.handles)), "loss": loss, **told})
