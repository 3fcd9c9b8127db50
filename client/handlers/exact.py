"""Contrast, the `exact` way: embeddings of one batch out, their gradient in, the weights' gradient out.

Both messages of a step bring the same weights and the same batch, so nothing need be kept between them.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from client.handlers.contrast import contrast_model
from client.node import Node
from client.training.contrast import Contrast
from client.training.views import strength_for
from models.blocks import as_gradient_block
from protocol.embedding import pack_embeddings
from protocol.payload import Payload, ProtocolError


def exact_views(node: Node, question: Payload) -> Payload:
    """Projected embeddings of the batch's samples, one block per modality."""
    model = contrast_model(node, question)
    with torch.no_grad():
        embedded, handles = _embed(node, question, model)
    blocks = {}
    for modality, rows in embedded.items():
        generator = np.random.default_rng(node.noise_seed("exact", question.info["round"], modality))
        packed = pack_embeddings(handles[modality], rows.numpy(), generator, **node.privacy)
        blocks[f"targets.{modality}"] = packed
    return Payload(blocks)


def exact_gradient(node: Node, question: Payload) -> Payload:
    """The gradient by every weight, from the loss's gradient by the embeddings (`gradient.<modality>` blocks)."""
    model = contrast_model(node, question)
    embedded, handles = _embed(node, question, model)
    for modality, rows in embedded.items():
        block = question.blocks.get(f"gradient.{modality}")
        if block is None:
            continue
        order = np.argsort(handles[modality], kind="stable")
        if not np.array_equal(block["handles"], handles[modality][order]) or block["values"].shape != tuple(rows.shape):
            raise ProtocolError(f"gradients of {modality} do not belong to this batch")
        rows[torch.from_numpy(order)].backward(torch.from_numpy(np.ascontiguousarray(block["values"])))
    blocks = {f"encoder.{m}": as_gradient_block(module) for m, module in model.encoders.items()}
    blocks |= {f"projection.{m}": as_gradient_block(module) for m, module in model.projections.items()}
    return Payload(blocks, {}, {"examples": float(max(len(h) for h in handles.values()))})


def _embed(node: Node, question: Payload, model: Contrast) -> tuple[dict[str, Tensor], dict[str, np.ndarray]]:
    """Embeddings with gradient, and the handles of their rows; augmented alike in both messages of a step."""
    experiment = node.experiment
    asked = np.isin(node.handles, question.blocks["wanted"]["handles"])
    model.encoders.train()
    model.projections.train()
    embedded, handles = {}, {}
    for modality in model.encoders:
        view = node.view(question, modality)
        rows = np.flatnonzero(asked & view.present.numpy())
        if not len(rows):
            continue
        some = view.take(torch.from_numpy(rows))
        generator = torch.Generator().manual_seed(node.seed_for("exact", question.info["round"], modality))
        shape = node.shapes[modality]
        change = strength_for(shape.kind, experiment.augment, shape.layout)
        windows = (
            some.augmented(change, experiment.augment.jitter, generator)
            if experiment.contrast.augment
            else some.clean()
        )
        embedded[modality] = model.embed({modality: windows})[modality]
        handles[modality] = node.handles[rows]
    if not embedded:
        raise ProtocolError("none of the batch's samples is on this node")
    return embedded, handles
