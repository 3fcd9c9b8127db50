"""Unimodal: each modality's encoder learns by itself on the node's own windows."""

from __future__ import annotations

from client.handlers.contrast import contrast_model, model_blocks
from client.node import Node, goes_on
from client.training.moments import moments_to_bytes, take_up
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
    loss = train_unimodal(
        model,
        {m: node.view(question, m) for m in model.encoders},
        experiment.contrast,
        experiment.epochs.contrast,
        {m: strength_for(s.kind, experiment.augment, s.layout) for m, s in node.shapes.items() if m in model.encoders},
        experiment.augment.jitter,
        node.seed_for("unimodal", phase, round),
        node.own_label,
    )
    if round == rounds:
        node.store.drop(name)
    else:
        node.store.put(name, moments_to_bytes(model.optimiser))
    return Payload(model_blocks(model), {}, {"examples": float(len(node.handles)), "loss": loss})
