"""Contrast, the `targets` way: give embeddings of own samples, then train against those of other nodes."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from client.node import Node
from client.training.contrast import Contrast, Related, new_contrast, train_contrast
from client.training.moments import moments_to_bytes, take_up
from client.training.views import strength_for
from models.blocks import as_block, load_block, new_encoder, new_projection
from models.losses import Targets
from models.schedule import scheduled_rate
from protocol.embedding import pack_embeddings, unpack_embeddings
from protocol.payload import Block, Payload, ProtocolError


def contrast_model(node: Node, question: Payload) -> Contrast:
    """The node's encoders and projections with the weights of the message."""
    settings, shapes = node.experiment.models, node.shapes
    names = [m for m in shapes if f"encoder.{m}" in question.blocks]
    if not names:
        raise ProtocolError("no encoder for any modality of this node")
    encoders = nn.ModuleDict({m: new_encoder(m, shapes[m], settings, node.seed) for m in names})
    projections = nn.ModuleDict({m: new_projection(m, settings, node.seed) for m in names})
    for m in names:
        load_block(encoders[m], question.blocks[f"encoder.{m}"])
        load_block(projections[m], question.blocks[f"projection.{m}"])
    return new_contrast(encoders, projections, node.experiment.contrast)


def model_blocks(model: Contrast) -> dict[str, Block]:
    """`encoder.*` and `projection.*` blocks."""
    return {
        **{f"encoder.{m}": as_block(module) for m, module in model.encoders.items()},
        **{f"projection.{m}": as_block(module) for m, module in model.projections.items()},
    }


def targets(node: Node, question: Payload) -> Payload:
    """Projected embeddings of the asked samples (all, where none are named), one block per modality."""
    model = contrast_model(node, question)
    wanted = question.blocks.get("wanted", {}).get("handles")
    asked = np.ones(len(node.handles), dtype=bool) if wanted is None else np.isin(node.handles, wanted)
    model.encoders.eval()
    model.projections.eval()
    blocks = {}
    for modality in model.encoders:
        view = node.view(question, modality)
        rows = np.flatnonzero(asked & view.present.numpy())
        with torch.no_grad():
            vectors = model.embed({modality: view.take(torch.from_numpy(rows)).clean()})[modality].numpy()
        generator = np.random.default_rng(node.seed_for("noise", "targets", question.info["round"], modality))
        blocks[f"targets.{modality}"] = pack_embeddings(node.handles[rows], vectors, generator, **node.privacy)
    return Payload(blocks)


def contrast(node: Node, question: Payload) -> Payload:
    """Weights after local training against the foreign embeddings in the message.

    `targets.<modality>` blocks hold foreign embeddings; `pairs` binds own handles to foreign ones with a weight.
    """
    experiment = node.experiment
    model = contrast_model(node, question)
    name = f"contrast:{node.method}:{node.seed}:{node.place.partition}"
    round, rounds = int(question.info["round"]), int(question.info["rounds"])
    saved = node.store.get(name) if round > 1 else None
    take_up(model.optimiser, saved, scheduled_rate(experiment.contrast.rate, round, rounds))
    loss = train_contrast(
        model,
        {m: node.view(question, m) for m in model.encoders},
        _related(node, question),
        experiment.contrast,
        experiment.epochs.contrast,
        {m: strength_for(shape.kind, experiment.augment, shape.layout) for m, shape in node.shapes.items()},
        experiment.augment.jitter,
        node.seed_for("contrast", round),
    )
    if round == rounds:
        node.store.drop(name)
    else:
        node.store.put(name, moments_to_bytes(model.optimiser))
    return Payload(model_blocks(model), {}, {"examples": float(len(node.handles)), "loss": loss})


def _related(node: Node, question: Payload) -> Related:
    """Foreign rows, and the weight with which each row is a positive of each own sample."""
    own = {int(handle): row for row, handle in enumerate(node.handles)}
    parts = {
        m.removeprefix("targets."): unpack_embeddings(b) for m, b in question.blocks.items() if m.startswith("targets.")
    }
    foreign: dict[int, int] = {}
    for handles, _ in parts.values():
        for handle in handles.tolist():
            foreign.setdefault(handle, len(foreign))
    column = {**{handle: len(own) + at for handle, at in foreign.items()}, **own}
    shape = (len(own), len(own) + len(foreign))
    affinity, undecided = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=bool)
    pairs = question.blocks.get("pairs", {"handle": (), "partner": (), "weight": ()})
    for handle, partner, weight in zip(
        *(np.asarray(pairs[k]).tolist() for k in ("handle", "partner", "weight")), strict=True
    ):
        if handle in own and partner in column:
            affinity[own[handle], column[partner]] = weight
    near = question.blocks.get("undecided", {"handle": (), "other": ()})
    for handle, other in zip(*(np.asarray(near[k]).tolist() for k in ("handle", "other")), strict=True):
        if handle in own and other in column:
            undecided[own[handle], column[other]] = True
    targets = _targets(parts, foreign, node.experiment.models.projection) if foreign else None
    return Related(torch.from_numpy(affinity), torch.from_numpy(undecided), torch.arange(len(own)), targets)


def _targets(parts: dict[str, tuple[np.ndarray, np.ndarray]], foreign: dict[int, int], width: int) -> Targets:
    """Foreign rows as constants; identities are negative, so that none equals an own sample's."""
    views, present = {}, {}
    for modality, (handles, vectors) in parts.items():
        if vectors.shape[1] != width:
            raise ProtocolError(f"foreign embeddings of {vectors.shape[1]} numbers, expected {width}")
        rows = [foreign[handle] for handle in handles.tolist()]
        values, here = torch.zeros(len(foreign), width), torch.zeros(len(foreign), dtype=torch.bool)
        values[rows], here[rows] = torch.from_numpy(vectors), True
        views[modality], present[modality] = values, here
    return Targets(views, present, dict.fromkeys(views, -1 - torch.arange(len(foreign))))
