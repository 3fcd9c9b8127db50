"""Adapt: the sums by which all nodes move one codebook, and how well their pictures come back."""

from __future__ import annotations

import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from client.node import Node
from client.training.contrast import even_batches
from models.blocks import as_block, load_block
from models.optimiser import adamw
from models.schedule import scheduled_rate
from models.unified import SIGNAL_KINDS
from models.vqvae import VqVae
from models.vqvae.adapt import books_of, spreads_of
from protocol.payload import Block, Payload, ProtocolError

MEASURED = 64  # windows of a modality whose pictures are decoded
BATCH = 16  # pictures


def adapt(node: Node, question: Payload) -> Payload:
    """For each codebook in the message (`codebook.<stage>`) counts, sums and squares of the latents that chose each code;
    or, where asked to `measure`, what is lost when pictures come back, by modality."""
    model = _with_codebooks(node, question)
    names = [m for m, shape in node.holdings.shapes.items() if shape.kind in SIGNAL_KINDS]
    if question.info.get("measure"):
        return Payload({f"fidelity.{m}": _fidelity(model, node.pictures(question, m, MEASURED)) for m in names})
    spreads = spreads_of(model.quantiser, torch.cat([node.cells(question, m) for m in names]))
    noise = node.experiment.models.unified.adapt.noise_std
    generator = torch.Generator().manual_seed(node.noise_seed("adapt", question.info["round"]))
    told = [spread.noised(noise, generator) for spread in spreads]
    return Payload({
        f"codes.{stage}": {
            "counts": each.statistics.counts.numpy(), "sums": each.statistics.sums.numpy(), "squares": each.squares.numpy(),
        }
        for stage, each in enumerate(told)
    })  # fmt: skip


def decoder(node: Node, question: Payload) -> Payload:
    """The decoder after one pass over the node's pictures; encoder and codebook stay as they are."""
    model, settings = _with_codebooks(node, question), node.experiment.models.unified.adapt
    names = [m for m, shape in node.holdings.shapes.items() if shape.kind in SIGNAL_KINDS]
    pictures = torch.cat([node.pictures(question, m, MEASURED) for m in names])
    if not len(pictures):
        raise ProtocolError("no picture to train on")
    model.decoder.requires_grad_(True)
    round, rounds = int(question.info["round"]), int(question.info["rounds"])
    optimiser = adamw(model.decoder.parameters(), scheduled_rate(settings.decoder_rate, round, rounds), 0.0)
    generator = torch.Generator().manual_seed(node.seed_for("decoder", round))
    lost = 0.0
    for rows in even_batches(len(pictures), BATCH, generator):
        with torch.no_grad():
            quantised = model.code(pictures[rows]).quantised
        loss = F.mse_loss(model.decode(quantised), pictures[rows])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        lost += loss.item() * len(rows)
    numbers = {"examples": float(len(node.handles)), "loss": lost / len(pictures)}
    return Payload({"decoder.unified": as_block(model.decoder)}, {}, numbers)


def _with_codebooks(node: Node, question: Payload) -> VqVae:
    """The node's frozen encoder with codebooks, and a decoder if one is there, as the message has them."""
    model = copy.deepcopy(node.encoder[0])
    books = books_of(model.quantiser)
    if not books or any(f"codebook.{stage}" not in question.blocks for stage in range(len(books))):
        raise ProtocolError("no codebook to adapt")
    for stage, book in enumerate(books):
        load_block(book, question.blocks[f"codebook.{stage}"])
    load_block(model.decoder, question.blocks.get("decoder.unified", {}))
    return model


@torch.no_grad()
def _fidelity(model: VqVae, pictures: Tensor) -> Block:
    error, total, squares = 0.0, torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    for batch in pictures.split(BATCH) if len(pictures) else ():
        again = model(batch)[0].clamp(0, 1)
        error += float((again - batch).double().square().sum())
        total += batch.double().sum(dim=(0, 2, 3))
        squares += batch.double().square().sum(dim=(0, 2, 3))
    pixels = pictures.numel() // 3
    return {
        "error": np.array([error]), "pixels": np.array([float(pixels)]),
        "total": total.numpy(), "squares": squares.numpy(),
    }  # fmt: skip
