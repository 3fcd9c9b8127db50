"""Encoder: the frozen encoder reaches every node once, each makes the latents of its windows, and all agree on their axes.

From here on a node's modalities are their latents: manifests say so, and every phase builds adapters where it would have
built encoders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from configs.schema import ROLES
from configs.unified_settings import UNTRAINED
from models.unified import MOST_MIXED, LatentSums, axes_of, latent_shape
from protocol.frozen import AXES, BLOCK, MIXTURE
from protocol.kinds import UNIFIED
from protocol.limits import MOST_COUNT, MOST_VALUE
from protocol.manifest import Manifest
from protocol.payload import Block, Payload, ProtocolError
from server.frozen import encoder_file, encoder_of
from server.job import Job
from server.shapes import shape_of
from server.state import JobState

ROUNDED = 1e-4  # products travel in single precision


def begin_unified(job: Job, state: JobState) -> JobState:
    """The state with the encoder as a block, and with manifests that speak of latents; asks nobody."""
    settings = job.experiment.models.unified
    content = encoder_file(settings.weights)
    if settings.weights == UNTRAINED:
        job.note(
            "models.unified.weights=untrained: the frozen encoder has learnt nothing; this is a test of the machinery"
        )
    latent = encoder_of(content)[0].quantiser.latent
    blocks = {**state.blocks, BLOCK: {"file": np.frombuffer(content, dtype=np.uint8)}}
    manifests = {p: _of_latents(job, told, latent) for p, told in state.manifests.items()}
    return replace(state, blocks=blocks, manifests=manifests)


def _of_latents(job: Job, told: Manifest, latent: int) -> Manifest:
    settings, seen = job.experiment.models.unified, {}
    for name, sensor in told.modalities.items():
        shape = latent_shape(shape_of(sensor), settings, latent)
        seen[name] = replace(sensor, kind=shape.kind, frames=shape.frames, channels=shape.channels, layout=shape.layout)
    return replace(told, modalities=seen)


def give_encoder(job: Job, state: JobState) -> JobState:
    """The state with the axes of latents beside the scale of windows, and with how many signals are mixed into fewer.

    Nodes that hold the file already are not sent it; all are told axes and mixture, once. A stopped job that goes on gives it
    again to nodes that lost it.
    """
    sha256 = encoder_of(state.blocks[BLOCK]["file"].tobytes())[1]
    members = sorted(
        p
        for p, told in state.manifests.items()
        if told.samples and (told.group in ROLES or job.method != "lower_bound")
    )
    asked = job.dispatch.ask(
        UNIFIED, dict.fromkeys(members, Payload({}, {"sha256": sha256})), "encoder", 1, 2, _says_gate(state.manifests),
        quiet=True,
    )  # fmt: skip
    hosts = {p: job.dispatch.route[p] for p in asked}
    lacking = {host: p for p, host in reversed(hosts.items()) if not asked[p].info["held"]}  # one node of each host
    if lacking:
        sent = Payload({BLOCK: state.blocks[BLOCK]}, {"sha256": sha256})
        job.dispatch.ask(
            UNIFIED, dict.fromkeys(sorted(lacking.values()), sent), "encoder", 1, 2, _now_holds, quiet=True
        )
    settings = job.experiment.models.unified
    mixed = {
        p: Payload(state.statistics(p), {"sha256": sha256, "mixed": True})
        for p, reply in asked.items() if reply.info["mixed"] and state.manifests[p].group != "test"
    }  # fmt: skip
    if mixed:
        gate = _sums_gate(state.manifests, MIXTURE, (settings.signals + 1, MOST_MIXED))
        replies = job.dispatch.ask(UNIFIED, mixed, "encoder", 1, 2, gate, quiet=True)
        state = replace(state, normalisation=_with_axes(job, state, replies, MIXTURE, settings.signals))
    questions = {
        p: Payload({**state.statistics(p), **state.statistics(p, kind=MIXTURE)}, {"sha256": sha256, "sums": True})
        for p in asked
    }
    replies = job.dispatch.ask(UNIFIED, questions, "encoder", 2, 2, _sums_gate(state.manifests, AXES))
    state = replace(state, normalisation=_with_axes(job, state, replies, AXES, settings.numbers))
    told = {
        p: Payload({**state.statistics(p, kind=MIXTURE), **state.statistics(p, kind=AXES)}, {"sha256": sha256})
        for p in asked
    }
    job.dispatch.ask(UNIFIED, told, "encoder", 2, 2, _now_holds, quiet=True)
    return state


class _says_gate:
    """Raises ProtocolError unless a node says whether it holds the encoder, and which of its modalities are mixed."""

    def __init__(self, manifests: Mapping[int, Manifest]):
        self.manifests = manifests

    def __call__(self, partition: int, reply: Payload) -> None:
        if not isinstance(reply.info.get("held"), bool) or reply.blocks:
            raise ProtocolError("does not say whether it holds the encoder")
        mixed, held = reply.info.get("mixed"), self.manifests[partition].modalities
        if not isinstance(mixed, list) or not all(isinstance(name, str) and name in held for name in mixed):
            raise ProtocolError("does not say which of its modalities are mixed")


def _now_holds(partition: int, reply: Payload) -> None:
    if reply.info.get("held") is not True or reply.blocks:
        raise ProtocolError("does not hold the encoder that it was sent")


class _sums_gate:
    """Raises ProtocolError unless a node tells one sum for each number of its latents (or signals) and for each pair of them.

    within  the fewest and the most numbers there may be; None: those of an adapter or more
    """

    def __init__(self, manifests: Mapping[int, Manifest], prefix: str = AXES, within: tuple[int, int] | None = None):
        self.manifests, self.prefix, self.within = manifests, prefix, within

    def __call__(self, partition: int, reply: Payload) -> None:
        if reply.info.get("held") is not True:
            raise ProtocolError("does not hold the encoder")
        told = self.manifests[partition]
        for name, block in reply.blocks.items():
            sensor = told.modalities.get(name.removeprefix(self.prefix))
            if sensor is None or told.group == "test" or not name.startswith(self.prefix):
                raise ProtocolError(f"{name[:60]}: sums of what it does not hold, or has no say in")
            _check_sums(name, block, *(self.within or (sensor.channels, None)))


def _check_sums(name: str, block: Block, least: int, most: int | None) -> None:
    """Raises ProtocolError unless some rows of so many numbers have these sums."""
    if set(block) != {"count", "total", "products"}:
        raise ProtocolError(f"{name[:60]}: expected count, total and products")
    n = block["total"].size
    shapes = {"count": (1,), "total": (n,), "products": (n * (n + 1) // 2,)}
    if not least <= n <= (most or n) or any(block[key].shape != shape for key, shape in shapes.items()):
        bound = "or more" if most is None else f"to {most}"
        raise ProtocolError(f"{name[:60]}: expected {least} numbers {bound}, and each pair of them")
    if not all(np.isfinite(value).all() for value in block.values()) or block["count"][0] < 0:
        raise ProtocolError(f"{name[:60]}: counts cannot be negative, nor any sum infinite")
    count, total = float(block["count"][0]), np.abs(block["total"].astype(np.float64))
    first, second = np.triu_indices(n)
    squares = block["products"].astype(np.float64)[first == second]
    if (squares < 0).any():
        raise ProtocolError(f"{name[:60]}: sums of squares cannot be negative")
    if count > MOST_COUNT or (total > count * MOST_VALUE).any() or (squares > count * MOST_VALUE**2).any():
        raise ProtocolError(f"{name[:60]}: counts above {MOST_COUNT:g}, or values above {MOST_VALUE:g}")
    root = np.sqrt(squares)
    if (total > np.sqrt(count) * root * (1 + ROUNDED) + 1e-9 * count).any():  # Cauchy and Schwarz
        raise ProtocolError(f"{name[:60]}: no numbers have this sum and these squares")
    bound = root[first] * root[second] * (1 + ROUNDED)
    if (np.abs(block["products"].astype(np.float64)) > bound + 1e-9 * count).any():
        raise ProtocolError(f"{name[:60]}: no numbers have these squares and these products")


def _with_axes(
    job: Job, state: JobState, replies: Mapping[int, Payload], prefix: str, numbers: int
) -> dict[str, dict[str, Block]]:
    """The state's normalisation with a block of that prefix beside each modality's `moments`, by group.

    Each data set has a mean of its own, as of windows; the turn is one for all. Nodes that train tell the sums. Those that
    tell of another number of numbers than most do are left out, and named.
    """
    path_of = {group: job.experiment.data_path(group) for group in job.experiment.groups}
    found = {group: dict(state.normalisation.get(group, {})) for group in path_of}
    for name in sorted({name for reply in replies.values() for name in reply.blocks if name.startswith(prefix)}):
        told = {p: _sums(reply.blocks[name]) for p, reply in sorted(replies.items()) if name in reply.blocks}
        usual = Counter(len(each.total) for each in told.values()).most_common(1)[0][0]
        odd = [p for p, each in told.items() if len(each.total) != usual]
        if odd:
            job.note(f"{name}: nodes {odd} tell of another number of numbers than most; their sums are left out")
        by_path: dict[str, LatentSums] = {}
        for p, each in told.items():
            path = path_of[state.manifests[p].group]
            if p not in odd:
                by_path[path] = by_path[path] + each if path in by_path else each
        axes = axes_of(list(by_path.values()), numbers)
        block_of = {
            path: {"mean": each.mean.numpy(), "turn": each.turn.numpy()}
            for path, each in zip(by_path, axes, strict=True)
        }
        for group, path in path_of.items():
            if path in block_of:
                found[group][name] = block_of[path]
    return found


def _sums(block: Block) -> LatentSums:
    return LatentSums(
        float(block["count"][0]), torch.from_numpy(block["total"]), torch.from_numpy(block["products"]).double()
    )
