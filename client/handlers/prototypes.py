"""Prototypes: what several nodes that fine-tune begin their common head from."""

from __future__ import annotations

import numpy as np

from client.handlers.evaluate import labelled, parts
from client.handlers.finetune import network
from client.node import Node
from client.training.finetune import class_sums
from protocol.payload import Payload, ProtocolError


def prototypes(node: Node, question: Payload) -> Payload:
    """By modality, labelled samples of each class (class,), and the sum of their unit embeddings (class, d), float64.

    Of the samples that the track trains on. Clipped and noised as if each embedding had been, before it was added.
    """
    track, settings = str(question.info["track"]), node.experiment.privacy
    train, _ = parts(node, labelled(node, question, node.experiment.downstream), track)
    if not len(train):
        raise ProtocolError("no labelled sample to fine-tune on")
    blocks = {}
    for modality, (count, total) in class_sums(network(node, question.blocks, None, 1.0, ()), train).items():
        sent = total.numpy() * min(1.0, settings.clip_norm)
        if settings.noise_std:
            generator = np.random.default_rng(node.noise_seed("prototypes", track, question.info["round"], modality))
            sent = sent + generator.normal(0.0, settings.noise_std, sent.shape) * np.sqrt(count.numpy())[:, None]
        blocks[f"prototypes.{modality}"] = {"count": count.numpy(), "total": sent}
    return Payload(blocks)
