"""Adapt: one codebook follows the sensors of all nodes, before anything is trained.

Each round the nodes send per code how many latents chose it, their sum and the sum of their squares; added up these are
exactly what the pooled latents would give, so the update is the pooled one. Dead codes are put beside the codes that err
most, one spread away, which the squares tell. The encoder stays frozen; the decoder may follow by FedAvg.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from configs.errors import UserError
from models.blocks import as_block, load_block
from models.vqvae import VqVae, pack, unpack
from models.vqvae.adapt import Spread, adapted, books_of
from models.vqvae.quantisers import CodeStatistics, perplexity
from protocol.frozen import BLOCK
from protocol.kinds import ADAPT, DECODER
from protocol.payload import Block, Payload, ProtocolError
from server.job import Job
from server.phases.rounds import by_examples, train_rounds
from server.phases.unified import give_encoder
from server.state import JobState

MOST_SUM = 1e12  # of latents or of pixels: a billion of them, a thousand times as large as they are


def adapt(job: Job, state: JobState) -> JobState:
    """The state with the adapted file as its encoder; its result gains `unified` (PSNR beside the mean colour's, by
    modality, before and after, and how many codes are in use). Where latents are quantised the nodes are given it anew."""
    settings = job.experiment.models.unified
    rule, rounds = settings.adapt, settings.adapt.rounds + 2 + settings.adapt.decoder_rounds
    model, described = unpack(state.blocks[BLOCK]["file"].tobytes())
    if not books_of(model.quantiser):
        raise UserError(
            f"the encoder's quantiser is {described.quantiser}, which has no codebook to adapt",
            where="models.unified.adapt.rounds",
            expected="0, or an encoder with a codebook",
            todo="`fedbind pretrain --quantiser codebook` makes one",
        )
    members = state.members(*job.experiment.incomplete_groups)
    before = _measured(job, state, model, members, 1, rounds)
    spreads: list[Spread] = []
    for round in range(1, rule.rounds + 1):
        spreads = _asked(job, state, model, members, round + 1, rounds)
        generator = torch.Generator().manual_seed(job.seed_for("adapt", round))
        decay = 0.0 if rule.fresh and round == 1 else rule.decay
        for book, spread in zip(books_of(model.quantiser), spreads, strict=True):
            book.hold(adapted(book.codebook, spread, decay, generator)[0])
    if rule.decoder_rounds:
        name = "decoder.unified"
        trained = train_rounds(
            job, state, DECODER, "adapt", rule.decoder_rounds, {name: as_block(model.decoder)},
            {p: [name] for p in members}, beside=_codebooks(model), weigh=by_examples,
        )  # fmt: skip
        load_block(model.decoder, trained.blocks[name])
    content = pack(model, described)
    model, _ = unpack(content)  # what is told of it is told of the file
    told = {
        "modalities": _beside(before, _measured(job, state, model, members, rounds, rounds)),
        "perplexity": [perplexity(each.statistics.counts) for each in spreads],
        "codes": model.quantiser.size,
    }
    blocks = {**state.blocks, BLOCK: {"file": np.frombuffer(content, dtype=np.uint8)}}
    state = replace(state, blocks=blocks, result={**state.result, "unified": told})
    return give_encoder(job, state) if settings.latents == "quantised" else state


def _codebooks(model: VqVae) -> dict[str, Block]:
    books = enumerate(books_of(model.quantiser))
    return {f"codebook.{stage}": {"vectors": book.vectors.numpy().copy()} for stage, book in books}


def _asked(job: Job, state: JobState, model: VqVae, members: Sequence[int], round: int, rounds: int) -> list[Spread]:
    """The sums over all nodes, added in rising order of partition."""
    books, noisy = books_of(model.quantiser), job.experiment.models.unified.adapt.noise_std > 0

    def check(partition: int, reply: Payload) -> None:
        if set(reply.blocks) != {f"codes.{stage}" for stage in range(len(books))}:
            raise ProtocolError(f"sums of {sorted(reply.blocks)}, expected one for each codebook")
        for stage, book in enumerate(books):
            block, wide = reply.blocks[f"codes.{stage}"], (book.size, book.latent)
            shapes = {"counts": (book.size,), "sums": wide, "squares": wide}
            if set(block) != set(shapes) or any(block[key].shape != shape for key, shape in shapes.items()):
                raise ProtocolError(f"codes.{stage}: expected counts, sums and squares of {book.size} codes")
            if any(value.dtype != np.float64 for value in block.values()):
                raise ProtocolError(f"codes.{stage}: expected double precision")
            if any((abs(value) > MOST_SUM).any() for value in block.values()):
                raise ProtocolError(f"codes.{stage}: sums above {MOST_SUM:g}")
            if not noisy and ((block["counts"] < 0).any() or (block["squares"] < 0).any()):
                raise ProtocolError(f"codes.{stage}: counts and sums of squares cannot be negative")

    questions = {p: Payload({**_codebooks(model), **state.statistics(p)}) for p in members}
    replies = job.dispatch.ask(ADAPT, questions, "adapt", round, rounds, check)
    return [
        added(reply.blocks[f"codes.{stage}"] for _, reply in sorted(replies.items())) for stage in range(len(books))
    ]


def added(blocks: Iterable[Block]) -> Spread:
    """The sum of nodes' `codes.*` blocks in the order given."""
    parts = [
        Spread(
            CodeStatistics(torch.from_numpy(b["counts"]), torch.from_numpy(b["sums"])), torch.from_numpy(b["squares"])
        )
        for b in blocks
    ]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole


def _measured(
    job: Job, state: JobState, model: VqVae, members: Sequence[int], round: int, rounds: int
) -> dict[str, tuple[float, float]]:
    """PSNR and that of the mean colour in decibels, by modality, over pictures of all nodes."""

    def check(partition: int, reply: Payload) -> None:
        held = state.manifests[partition].modalities
        lengths = {"error": 1, "pixels": 1, "total": 3, "squares": 3}
        for name, block in reply.blocks.items():
            if name.removeprefix("fidelity.") not in held or set(block) != set(lengths):
                raise ProtocolError(f"{name[:60]}: not what was asked for")
            if any(block[key].shape != (n,) or (block[key] < 0).any() for key, n in lengths.items()):
                raise ProtocolError(f"{name[:60]}: expected sums of at least 0")
            if any((block[key] > MOST_SUM).any() for key in lengths) or 0 < block["pixels"][0] < 1:
                raise ProtocolError(f"{name[:60]}: sums above {MOST_SUM:g}, or a part of a pixel")

    decoder = {"decoder.unified": as_block(model.decoder)}
    questions = {
        p: Payload({**_codebooks(model), **decoder, **state.statistics(p)}, {"measure": True}) for p in members
    }
    replies = job.dispatch.ask(ADAPT, questions, "adapt", round, rounds, check)
    sums: dict[str, Block] = {}
    for _, reply in sorted(replies.items()):
        for name, block in reply.blocks.items():
            kept = sums.setdefault(name.removeprefix("fidelity."), {key: 0 * value for key, value in block.items()})
            sums[name.removeprefix("fidelity.")] = {key: kept[key] + value for key, value in block.items()}
    return {name: _decibels(block) for name, block in sorted(sums.items()) if block["pixels"][0]}


def _decibels(block: Mapping[str, np.ndarray]) -> tuple[float, float]:
    pixels = block["pixels"][0]
    spread = float(np.maximum(block["squares"] / pixels - (block["total"] / pixels) ** 2, 0.0).mean())
    return _db(float(block["error"][0]) / (3 * pixels)), _db(spread)


def _db(mean_squared_error: float) -> float:
    return -10 * math.log10(max(mean_squared_error, 1e-12))


def _beside(
    before: Mapping[str, tuple[float, float]], after: Mapping[str, tuple[float, float]]
) -> dict[str, dict[str, float]]:
    return {
        name: {"floor_db": after[name][1], "before_db": before[name][0], "after_db": after[name][0]}
        for name in after
        if name in before
    }
