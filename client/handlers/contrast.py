"""Contrast, the `targets` way: give embeddings of own samples, then train against those of other nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import torch
from torch import nn

from client.handlers.chosen import chooses, sent_of, worth_of_rows
from client.handlers.corrected import kept, trained
from client.node import Node, goes_on
from client.training.contrast import Contrast, Related, new_contrast, train_contrast
from client.training.fill import generated, nobody, zero_filled
from client.training.local_part import LocalCorrection, put
from client.training.moments import moments_to_bytes, take_up
from client.training.personal import whole_blocks
from client.training.views import Views, strength_for
from models.blocks import ModalityShape, as_block, load_block, new_encoder, new_generator, new_projection
from models.losses import Targets
from models.schedule import scheduled_rate
from protocol.embedding import pack_embeddings, unpack_embeddings
from protocol.payload import Block, Payload, ProtocolError


def contrast_model(node: Node, question: Payload) -> Contrast:
    """The node's encoders and projections with the weights of the message."""
    settings, shapes = node.experiment.models, {**node.shapes, **told_shapes(question)}
    names = [m for m in sorted(shapes) if f"encoder.{m}" in question.blocks]
    if not names:
        raise ProtocolError("no encoder for any modality of this node")
    encoders = nn.ModuleDict({m: new_encoder(m, shapes[m], settings, node.seed) for m in names})
    projections = nn.ModuleDict({m: new_projection(m, settings, node.seed, len(node.prompts)) for m in names})
    for m in names:
        load_block(encoders[m], question.blocks[f"encoder.{m}"])
        load_block(projections[m], question.blocks[f"projection.{m}"])
    model = new_contrast(encoders, projections, node.experiment.contrast, node.prompts)
    if question.info.get("correction", {}).get("name") == "personal":
        put(model, kept(node, question))
    return model


def told_shapes(question: Payload) -> dict[str, ModalityShape]:
    """Modalities that the message says are to be filled in, which the node may not hold."""
    return {modality: ModalityShape(*shape) for modality, shape in question.info.get("shapes", {}).items()}


def contrast_views(node: Node, question: Payload, names: Iterable[str]) -> Views:
    """What takes part of each modality: the node's own windows; what `fill` says stands where there are none."""
    own = {m: node.view(question, m) for m in names if m in node.shapes}
    fill = question.info.get("fill")
    if fill is None:
        return own
    told, count = told_shapes(question), len(node.handles)
    if fill == "zeros":
        absent = {m: nobody(count, shape) for m, shape in told.items() if m not in own}
        return {m: zero_filled(view) for m, view in {**own, **absent}.items()}
    by, views = node.experiment.bind.anchor, dict(own)
    for modality, shape in told.items():
        if modality == by:
            continue
        network = new_generator(node.shapes[by], modality, shape, node.experiment.autoencoder, node.seed)
        load_block(network, question.blocks[f"generator.{modality}"])
        views[modality] = generated(network, own[by], own.get(modality, nobody(count, shape)))
    return views


def model_blocks(model: Contrast) -> dict[str, Block]:
    """`encoder.*` and `projection.*` blocks."""
    return {name: as_block(module) for name, module in model.named_parts()}


def left_here(
    learnt: Mapping[str, Block], question: Payload, own: Collection[str], without: Collection[str]
) -> dict[str, Block]:
    """What leaves the node of what was learnt: not `without`, and parameters in `own` (`block/name`) as they came."""
    return {
        block: {k: question.blocks[block][k] if f"{block}/{k}" in own else v for k, v in weights.items()}
        for block, weights in learnt.items()
        if block not in without
    }


def targets(node: Node, question: Payload) -> Payload:
    """Projected embeddings of the asked samples (all, where none are named), one block per modality.

    Nodes that fine-tune or test take no part in the contrast: they give theirs to be measured, or not at all.
    """
    if not (node.place.pretrains or node.experiment.evaluation.embeddings):
        raise ProtocolError("embeddings are not given: evaluation.embeddings is not set")
    wanted = question.blocks.get("wanted", {}).get("handles")
    asked = None if wanted is None else np.isin(node.handles, wanted)
    blocks = {}
    for modality, (rows, vectors) in embedded(node, question, asked).items():
        moment = (question.info["phase"], question.info["round"])  # noise that came twice could be taken off
        generator = np.random.default_rng(node.noise_seed("targets", *moment, modality))
        blocks[f"targets.{modality}"] = pack_embeddings(node.handles[rows], vectors, generator, **node.privacy)
    return Payload(blocks)


def embedded(
    node: Node, question: Payload, asked: np.ndarray | None = None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By modality of the message's networks which samples hold it, int64 (n,), and their unit rows, float32 (n, d).

    asked  bool (samples,), whom to embed; None: all
    """
    model = contrast_model(node, question)
    model.encoders.eval()
    model.projections.eval()
    views = {m: node.view(question, m) for m in model.encoders}
    found = {}
    for modality, view in views.items():
        rows = torch.from_numpy(np.flatnonzero(view.present.numpy() & (True if asked is None else asked)))
        recorded = {m: other.recorded[rows] for m, other in views.items()}
        with torch.no_grad():
            vectors = model.embed({modality: view.take(rows).clean()}, recorded)[modality].numpy()
        found[modality] = (rows.numpy(), vectors)
    return found


def contrast(node: Node, question: Payload) -> Payload:
    """Weights after local training against the foreign embeddings in the message.

    `targets.<modality>` blocks hold foreign embeddings; `pairs` binds own handles to foreign ones with a weight.
    Blocks named in `frozen` take part as they are and do not come back. With `fill` the node's missing windows are
    filled in, and those of whole modalities in `shapes` too: with `zeros`, or by `generator.<modality>` blocks. Where
    the method learns from own labels, own samples of one label are positives of each other, in form `supcon`.
    """
    experiment = node.experiment
    frozen = set(question.info.get("frozen", ()))

    def begun() -> Contrast:
        made = contrast_model(node, question)
        for block, module in made.named_parts():
            module.requires_grad_(block not in frozen)
        return made

    model = begun()
    name = f"contrast:{node.method}:{node.seed}:{node.place.partition}"
    round, rounds = int(question.info["round"]), int(question.info["rounds"])
    saved = node.store.get(name) if goes_on(question, round) else None
    take_up(model.optimiser, saved, scheduled_rate(experiment.contrast.rate, round, rounds))
    settings = experiment.contrast
    # Eq. 3 never contrasts a modality with itself: one sensor's labels would say nothing.
    if node.own_label is not None:
        settings = settings.model_copy(update={"form": "supcon"})
    views, related = contrast_views(node, question, model.encoders), _related(node, question)
    changes = {
        m: strength_for(s.kind, experiment.augment, s.layout)
        for m, s in {**node.shapes, **told_shapes(question)}.items()
    }

    def train(network: Contrast, correction: LocalCorrection | None) -> float:
        return train_contrast(
            network, views, related, settings, experiment.epochs.contrast, changes, experiment.augment.jitter,
            node.seed_for("contrast", round), correction,
        )  # fmt: skip

    loss, own, told = trained(node, question, model, train, begun, kept(node, question), frozen)
    if round == rounds:
        node.store.drop(name)
    else:
        node.store.put(name, moments_to_bytes(model.optimiser))
    learnt = left_here(model_blocks(model), question, own, frozen | whole_blocks(own, model))
    if chooses(question):
        learnt = sent_of(node, question, learnt, worth_of_rows(model, views, related, settings.temperature), round)
    return Payload(learnt, {}, {"examples": float(len(node.handles)), "loss": loss, **told})


def _related(node: Node, question: Payload) -> Related:
    """Foreign rows, and the weight with which each row is a positive of each own sample."""
    parts = {
        m.removeprefix("targets."): unpack_embeddings(b) for m, b in question.blocks.items() if m.startswith("targets.")
    }
    foreign = _in_order([handles for handles, _ in parts.values()])
    own = node.handles
    columns = np.concatenate([foreign, own])  # of a handle that is both, the own row is meant
    shape = (len(own), len(own) + len(foreign))
    affinity, undecided = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=bool)

    def told(block: str, *names: str) -> tuple[np.ndarray, ...]:
        """Rows and columns of what a block says of own samples, and its further arrays there."""
        arrays = [np.asarray(question.blocks.get(block, {}).get(name, ())) for name in names]
        if len({len(each) for each in arrays}) > 1:
            raise ProtocolError(f"{block} has arrays of different lengths")
        row, at = places(own, arrays[0].astype(np.int64)), places(columns, arrays[1].astype(np.int64))
        column = np.where(at < len(foreign), at + len(own), at - len(foreign))  # own rows come first
        here = (row >= 0) & (at >= 0)
        return row[here], column[here], *(each[here] for each in arrays[2:])

    row, column, weight = told("pairs", "handle", "partner", "weight")
    affinity[row, column] = weight
    label = node.own_label
    if label is not None:
        alike = (label[:, None] == label[None, :]) & (label >= 0)[:, None]  # a row's own entry is not read
        affinity[:, : len(own)] = np.maximum(affinity[:, : len(own)], alike.numpy())
    row, column = told("undecided", "handle", "other")
    undecided[row, column] = True
    targets = _targets(parts, foreign, node.experiment.models.projection) if len(foreign) else None
    return Related(torch.from_numpy(affinity), torch.from_numpy(undecided), torch.arange(len(own)), targets)


def places(of: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Where each number stands in `of`, the last of its places; -1 where it does not."""
    if not len(of):
        return np.full(len(asked), -1)
    order = np.argsort(of, kind="stable")
    at = order[np.searchsorted(of[order], asked, side="right") - 1]
    return np.where(of[at] == asked, at, -1)


def _in_order(handles: list[np.ndarray]) -> np.ndarray:
    """Each handle once, as they first come."""
    if not handles:
        return np.zeros(0, np.int64)
    every = np.concatenate(handles)
    return every[np.sort(np.unique(every, return_index=True)[1])]


def _targets(parts: dict[str, tuple[np.ndarray, np.ndarray]], foreign: np.ndarray, width: int) -> Targets:
    """Foreign rows as constants; identities are negative, so that none equals an own sample's."""
    views, present = {}, {}
    for modality, (handles, vectors) in parts.items():
        if vectors.shape[1] != width:
            raise ProtocolError(f"foreign embeddings of {vectors.shape[1]} numbers, expected {width}")
        rows = places(foreign, handles)
        values, here = torch.zeros(len(foreign), width), torch.zeros(len(foreign), dtype=torch.bool)
        values[rows], here[rows] = torch.from_numpy(vectors), True
        views[modality], present[modality] = values, here
    return Targets(views, present, dict.fromkeys(views, -1 - torch.arange(len(foreign))))
