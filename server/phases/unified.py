"""Encoder: the frozen encoder reaches every node once, each makes the latents of its windows, and all agree on their scale.

From here on a node's modalities are their latents: manifests say so, and every phase builds adapters where it would have
built encoders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from configs.schema import ROLES
from configs.unified_settings import UNTRAINED
from models.unified import latent_shape
from protocol.kinds import UNIFIED
from protocol.manifest import Manifest
from protocol.payload import Block, Payload, ProtocolError
from server.frozen import encoder_file, encoder_of
from server.job import Job
from server.normalisation import agreed, check_sums
from server.shapes import shape_of
from server.state import JobState

BLOCK = "unified"  # {"file": uint8 (bytes,)}


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
    """The state with the scale of latents beside that of windows. Nodes that hold the file already are not sent it.

    A stopped job that goes on gives it again to nodes that lost it.
    """
    sha256 = encoder_of(state.blocks[BLOCK]["file"].tobytes())[1]
    members = sorted(
        p
        for p, told in state.manifests.items()
        if told.samples and (told.group in ROLES or job.method != "lower_bound")
    )
    asked = job.dispatch.ask(
        UNIFIED, dict.fromkeys(members, Payload({}, {"sha256": sha256})), "encoder", 1, 2, _says_whether, quiet=True
    )
    hosts = {p: job.dispatch.route[p] for p in asked}
    lacking = {host: p for p, host in reversed(hosts.items()) if not asked[p].info["held"]}  # one node of each host
    if lacking:
        sent = Payload({BLOCK: state.blocks[BLOCK]}, {"sha256": sha256})
        job.dispatch.ask(
            UNIFIED, dict.fromkeys(sorted(lacking.values()), sent), "encoder", 1, 2, _now_holds, quiet=True
        )
    questions = {p: Payload(state.statistics(p), {"sha256": sha256, "sums": True}) for p in asked}
    replies = job.dispatch.ask(UNIFIED, questions, "encoder", 2, 2, _sums_gate(state.manifests))
    return replace(state, normalisation=_scaled(job, state, replies))


def _says_whether(_: int, reply: Payload) -> None:
    if not isinstance(reply.info.get("held"), bool) or reply.blocks:
        raise ProtocolError("does not say whether it holds the encoder")


def _now_holds(partition: int, reply: Payload) -> None:
    if reply.info.get("held") is not True or reply.blocks:
        raise ProtocolError("does not hold the encoder that it was sent")


class _sums_gate:
    """Raises ProtocolError unless a node tells one sum for each number of its latents."""

    def __init__(self, manifests: Mapping[int, Manifest]):
        self.manifests = manifests

    def __call__(self, partition: int, reply: Payload) -> None:
        if reply.info.get("held") is not True:
            raise ProtocolError("does not hold the encoder")
        told = self.manifests[partition]
        for name, block in reply.blocks.items():
            sensor = told.modalities.get(name.removeprefix("latents."))
            if sensor is None or told.group == "test":
                raise ProtocolError(f"{name[:60]}: sums of what it does not hold, or has no say in")
            check_sums(name, block)
            if block["count"].shape != (sensor.channels,):
                raise ProtocolError(f"{name[:60]}: expected {sensor.channels} numbers each")


def _scaled(job: Job, state: JobState, replies: Mapping[int, Payload]) -> dict[str, dict[str, Block]]:
    """The state's normalisation with `latent_mean` and `latent_std` in each modality's block, by group.

    Each data set has its own, as of windows; nodes that train tell it.
    """
    path_of = {group: job.experiment.data_path(group) for group in job.experiment.groups}
    found: dict[str, dict[str, Block]] = {}
    for group, path in path_of.items():
        parts: Sequence[Mapping[str, Block]] = [
            {name.removeprefix("latents."): block for name, block in reply.blocks.items()}
            for p, reply in sorted(replies.items())
            if path_of[state.manifests[p].group] == path
        ]
        scale = {
            name: {f"latent_{key}": value for key, value in block.items()} for name, block in agreed(parts).items()
        }
        windows = state.normalisation.get(group, {})
        found[group] = {name: {**windows.get(name, {}), **scale.get(name, {})} for name in {**windows, **scale}}
    return found
