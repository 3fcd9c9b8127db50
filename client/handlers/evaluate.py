"""Evaluate: counts what received networks get right on this node's recordings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from client.handlers.corrected import own_kept, own_part, with_own
from client.node import Node
from client.training.evaluate import class_probabilities, confusion, macro_auc
from client.training.finetune import Labelled, folds
from models.blocks import load_block, load_head, new_encoder, new_head
from protocol.payload import Payload, ProtocolError


def evaluate(node: Node, question: Payload) -> Payload:
    """Per subset of modalities a count of (true, predicted) for each network in the message.

    Blocks carry a leading axis of networks (kept epochs). AUC is given for the last network and the first subset.
    With `track` only what that fine-tuning track left out is counted; with `own` another network follows, the last one
    with what the node keeps to itself of that track.
    A modality that was never fine-tuned takes part where the message brings its part of the head.
    """
    experiment, held = node.experiment, node.holdings
    unseen = [m for m in experiment.never_tuned if f"head.{m}" in question.blocks]
    names = [*experiment.downstream, *unseen]
    data = labelled(node, question, names)
    if "track" in question.info:
        _, held_out = parts(node, data, str(question.info["track"]))
        data = data.take(torch.zeros(len(data), dtype=torch.bool)) if held_out is None else held_out
    if not len(data):
        raise ProtocolError("no labelled sample to test on")
    seen = node.shapes
    shapes = {m: seen[m] for m in data.views}
    encoders = nn.ModuleDict({m: new_encoder(m, shape, experiment.models, node.seed) for m, shape in shapes.items()})
    head = new_head(names, len(held.classes), experiment.models, node.seed, node.prompts, unseen)
    subsets = [[m for m in subset if m in shapes] for subset in question.info["subsets"]]
    networks = len(next(iter(question.blocks["head.fusion"].values())))
    counts: dict[str, list[np.ndarray]] = {"+".join(subset): [] for subset in subsets if subset}
    area, label = None, data.label.numpy()
    judged = [
        {
            name: {key: value[network] for key, value in block.items()}
            for name, block in question.blocks.items()
            if name.startswith(("encoder.", "head."))
        }
        for network in range(networks)
    ]
    if question.info.get("own"):
        judged.append(with_own(judged[-1], own_kept(node, own_part(str(question.info["track"])))))
    for network, blocks in enumerate(judged):
        for modality, encoder in encoders.items():
            load_block(encoder, blocks[f"encoder.{modality}"])
        load_head(head, blocks)
        for subset in counts:
            probability = class_probabilities(encoders, head, data, subset.split("+"))
            counts[subset].append(confusion(label, probability))
            if network == len(judged) - 1 and subset == next(iter(counts)):
                area = macro_auc(label, probability)
    numbers = {"examples": float(len(data))} | ({} if area is None else {"auc": area})
    return Payload({f"confusion.{s}": {"counts": np.stack(c)} for s, c in counts.items()}, {}, numbers)


def labelled(node: Node, question: Payload, names: Sequence[str]) -> Labelled:
    """The node's labelled samples, with those of the named modalities that it holds."""
    label = torch.from_numpy(node.holdings.samples.label)
    held = [m for m in names if m in node.shapes]
    return Labelled({m: node.view(question, m) for m in held}, label).take(label >= 0)


def parts(node: Node, data: Labelled, track: str) -> tuple[Labelled, Labelled | None]:
    """What a track trains on, and what it leaves out."""
    if track == "all":
        return data, None
    samples = node.holdings.samples
    rows = samples.label >= 0
    fold = folds(samples.label[rows], samples.subject[rows], node.experiment.evaluation.folds, node.seed)
    out = torch.from_numpy(fold == int(track.removeprefix("fold")))
    return data.take(~out), data.take(out)
