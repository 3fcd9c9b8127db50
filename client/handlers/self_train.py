"""Self-training: what the fine-tuned network says of a node's samples, and training on what became of it."""

from __future__ import annotations

import numpy as np
import torch

from client.handlers.evaluate import labelled
from client.handlers.finetune import augmentation, network
from client.node import Node, goes_on
from client.training import finetune as training
from client.training.evaluate import class_probabilities
from client.training.finetune import Labelled
from protocol.embedding import pack_embeddings
from protocol.payload import Payload, ProtocolError

TAUGHT = "taught.classes"


def predict(node: Node, question: Payload) -> Payload:
    """Class probabilities of the samples that hold a modality of the network, as rows of an embedding.

    `privacy` acts on them as on every embedding: a row is made a unit row, clipped, noised and quantised. A node that
    fine-tunes tells how many labelled samples it holds of each class; one that tests gives nothing.
    """
    if node.place.group == "finetune":
        label = node.holdings.samples.label
        count = np.bincount(label[label >= 0], minlength=len(node.holdings.classes))
        return Payload({"counts.classes": {"count": count.astype(np.float64)}})
    if not node.place.pretrains:
        raise ProtocolError("predictions are not given: the node only tests")
    data = _held(node, question)
    rows = np.flatnonzero(_some(data))
    tuning = network(node, question.blocks, None, 1.0, (), _classes(question))
    found = class_probabilities(tuning.encoders, tuning.head, data.take(torch.from_numpy(rows)), list(data.views))
    generator = np.random.default_rng(node.noise_seed("predict"))
    return Payload({"predictions.classes": pack_embeddings(node.handles[rows], found, generator, **node.privacy)})


def self_train(node: Node, question: Payload) -> Payload:
    """Encoders and head after `epochs` passes over the samples that `taught.classes` names, by their pseudo-labels there.

    `taught.classes` holds `handles`, `label` int64 and `weight`, each (n,). A node that fine-tunes is sent none and learns
    from its own labels. The optimiser's moments stay on the node between rounds.
    """
    experiment, settings = node.experiment, node.experiment.self_training
    round, rounds = int(question.info["round"]), int(question.info["rounds"])
    data = _taught(node, question) if node.place.pretrains else labelled(node, question, experiment.downstream)
    if not len(data):
        raise ProtocolError("no sample to learn from")
    name = f"self-train:{node.method}:{node.seed}:{node.place.partition}"
    saved = name if goes_on(question, round) and node.store.get(name) is not None else None
    tuning = network(node, question.blocks, saved, settings.encoder_rate_share, (), _classes(question))
    tuning.epoch = (round - 1) * experiment.epochs.self_training  # the rate falls over all rounds
    how = experiment.finetune.model_copy(
        update={"decay_epochs": rounds * experiment.epochs.self_training, "probe_epochs": 0}
    )
    loss, seed, change = 0.0, node.seed_for("self-train"), augmentation(node)
    for _ in range(experiment.epochs.self_training):
        loss = training.tune_epoch(tuning, data, how, seed, change)
    if round == rounds:
        node.store.drop(name)
    else:
        node.store.put(name, tuning.to_bytes())
    learnt = training.kept_blocks(tuning)
    blocks = {block: learnt[block] for block in question.blocks if block in learnt}
    return Payload(blocks, {}, {"examples": float(len(data)), "loss": loss})


def _classes(question: Payload) -> int:
    """How many classes the head tells apart: those of the nodes that fine-tuned it, which may be others than the node's."""
    last = question.blocks.get("head.fusion", {}).get("2.bias")
    if last is None or last.ndim != 1:
        raise ProtocolError("no fusion head in the message")
    return len(last)


def _held(node: Node, question: Payload) -> Labelled:
    """All of the node's samples, with those modalities that are fine-tuned, labels left out (-1)."""
    views = {m: node.view(question, m) for m in node.experiment.downstream if m in node.shapes}
    if not views:
        raise ProtocolError("no modality of this node is fine-tuned")
    return Labelled(views, torch.full((len(node.handles),), -1, dtype=torch.int64))


def _some(data: Labelled) -> np.ndarray:
    """Which samples hold any modality, bool (n,)."""
    return torch.stack(list(data.present.values())).any(dim=0).numpy()


def _taught(node: Node, question: Payload) -> Labelled:
    """The samples that were given pseudo-labels; raises ProtocolError for labels that there are no classes for."""
    data, told = _held(node, question), question.blocks.get(TAUGHT, {})
    if set(told) != {"handles", "label", "weight"} or len({len(each) for each in told.values()}) != 1:
        raise ProtocolError(f"{TAUGHT} needs a label and a weight for each handle")
    classes = _classes(question)
    if len(told["label"]) and not 0 <= told["label"].min() <= told["label"].max() < classes:
        raise ProtocolError(f"{TAUGHT}: labels beyond {classes} classes")
    order = np.argsort(node.handles, kind="stable")
    at = np.minimum(np.searchsorted(node.handles, told["handles"], sorter=order), len(order) - 1)
    rows = order[at]
    known = (node.handles[rows] == told["handles"]) & _some(data)[rows]
    label, weight = (torch.from_numpy(np.ascontiguousarray(told[key][known])) for key in ("label", "weight"))
    return Labelled(data.take(torch.from_numpy(rows[known])).views, label.long(), weight.float())
