"""One node as its handlers see it: its samples, their shapes, its handles and its store."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from client.data.holdings import Holdings, holdings_of
from client.store import NodeStore, store_of
from client.training.views import View
from configs.nodes import NodePlace, derived_seed, modalities_of, node_places, own_labels_used, prompts_of
from configs.schema import Experiment
from models.blocks import ModalityShape
from protocol.handles import sample_handles
from protocol.payload import Payload, ProtocolError


@dataclass(frozen=True)
class Node:
    """A node in one job (a method and a seed)."""

    experiment: Experiment
    place: NodePlace
    method: str
    seed: int
    root: Path | None
    store: NodeStore
    node_config: Mapping[str, Any]

    @cached_property
    def holdings(self) -> Holdings:
        """Samples as they lie on the node, before normalisation."""
        return _resident_holdings(
            self.experiment.model_dump_json(), self.place, tuple(self.modalities), self.seed, self.root,
            self.method == "upper_bound",
        )  # fmt: skip

    @property
    def modalities(self) -> list[str]:
        """What this node may use under the job's method."""
        return modalities_of(self.experiment, self.place.group, self.method)

    @property
    def prompts(self) -> list[str]:
        """Modalities of whose presence the job's networks are told."""
        return prompts_of(self.experiment, self.method)

    @property
    def own_label(self) -> Tensor | None:
        """Labels of the samples, int64 (n,), −1 for none; None where the method's contrast does not look at them."""
        used = own_labels_used(self.experiment, self.method)
        return torch.from_numpy(self.holdings.samples.label) if used else None

    @property
    def shapes(self) -> Mapping[str, ModalityShape]:
        """Modality -> what a network must know of it."""
        return self.holdings.shapes

    @cached_property
    def handles(self) -> np.ndarray:
        """Opaque handle of each sample, int64 (n,); the key behind them never leaves the node."""
        return sample_handles(self._handle_key(), len(self.holdings.samples))

    def _handle_key(self) -> bytes:
        given = self.node_config.get("handle-key")  # a simulation gives one, to repeat itself bit by bit
        if given:
            return f"{given}:{self.method}:{self.seed}:{self.place.partition}".encode()
        name = f"handle-key:{self.method}:{self.seed}:{self.place.partition}"
        key = self.store.get(name)
        if key is None:
            key = secrets.token_bytes(32)
            self.store.put(name, key)
        return key

    def view(self, payload: Payload, modality: str, how: str | None = None) -> View:
        """All samples of a modality with what normalises them: the message's statistics or the node's own."""
        samples = self.holdings.samples
        mean, std = self.holdings.normaliser(
            modality, payload.blocks.get(f"moments.{modality}"), how
        )  # (n, 1, channel)
        return View(
            torch.from_numpy(samples.arrays[modality]),
            torch.from_numpy(mean),
            torch.from_numpy(std),
            torch.from_numpy(samples.present[modality]),
        )

    @property
    def privacy(self) -> dict[str, Any]:
        """What `pack_embeddings` is told."""
        return self.experiment.privacy.model_dump()

    def shared_view(self, payload: Payload, modality: str) -> View:
        """All samples of a modality that binds, normalised as its encoder wants it."""
        how = self.experiment.autoencoder.normalise
        return self.view(payload, modality, None if how == "as_data" else how)

    def asked_by(self, payload: Payload) -> str:
        """The modality of the shared encoder in a message; raises ProtocolError unless it is one that binds, and here."""
        named = [name.partition(".")[2] for name in payload.blocks if name.startswith("autoencoder.")]
        if len(named) != 1 or named[0] not in self.experiment.bind.modalities or named[0] not in self.shapes:
            raise ProtocolError("no encoder of one modality that binds and is on this node")
        return named[0]

    def apart(self, modality: str) -> tuple[str, ...]:
        """What keeps seeds of several shared modalities apart; nothing for a single one."""
        return (modality,) if len(self.experiment.bind.modalities) > 1 else ()

    def seed_for(self, *purpose: str | int) -> int:
        """A seed of this job and node for one purpose."""
        return derived_seed(self.seed, self.method, self.place.partition, *purpose)


def goes_on(question: Payload, round: int) -> bool:
    """Whether what the node kept is of this start of the phase: not in round 1, nor when it is first asked later."""
    return round > 1 and not question.info.get("first")


def node_for(experiment: Experiment, partition: int, method: str, seed: int, context: Any) -> Node:
    """The node a message speaks to. `context` is Flower's: its node_config names folder, store and permissions.

    Its recordings lie in `data-root-NAME`, for a group that reads `further_data.NAME`; else in `data-root`; else where
    the experiment says.
    """
    place = node_places(experiment)[partition]
    named, own = experiment.groups[place.group].data, context.node_config
    configured = (
        (own.get(f"data-root-{named}") if named else None)
        or own.get("data-root")
        or experiment.data_of(place.group).root
    )
    return Node(
        experiment=experiment,
        place=place,
        method=method,
        seed=seed,
        root=Path(str(configured)).expanduser() if configured else None,
        store=store_of(context.run_id, context.node_id, context.node_config),
        node_config=context.node_config,
    )


def hosted_partitions(experiment: Experiment, node_config: Mapping[str, Any]) -> list[int]:
    """Partitions that a Flower node stands for: its own, and every further one a multiple of `num-partitions` away."""
    count = len(node_places(experiment))
    first, step = int(node_config.get("partition-id", 0)), int(node_config.get("num-partitions", count))
    return list(range(first, count, max(step, 1)))


@lru_cache(maxsize=int(os.environ.get("FEDBIND_RESIDENT_NODES", "64")))
def _resident_holdings(
    experiment_json: str, place: NodePlace, modalities: tuple[str, ...], seed: int, root: Path | None, complete: bool
) -> Holdings:
    """Kept for the next message while the process lives; a fresh process reads again."""
    return holdings_of(Experiment.model_validate_json(experiment_json), place, list(modalities), seed, root, complete)
