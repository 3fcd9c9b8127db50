"""One node as its handlers see it: its samples, their shapes, its handles and its store."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from client.data.holdings import Holdings
from client.frozen import axes_used, encoder_used, mixture_used
from client.latents import Latents, LatentView, kept_latents, let_go, make_latents
from client.resident import resident_holdings
from client.store import NodeStore, store_of
from client.training.views import View, strength_for
from configs.nodes import NodePlace, derived_seed, modalities_of, node_places, own_labels_used, prompts_of
from configs.schema import Experiment
from configs.unified_settings import UnifiedSettings
from models.augment import Strength
from models.blocks import ModalityShape
from models.unified import (
    SIGNAL_KINDS,
    LatentSums,
    is_mixed,
    latent_shape,
    pictures_of,
    signals_apart,
    signals_before,
    signals_of,
    sums_of,
)
from models.unified.latents import PRECISION
from models.vqvae import CELL, VqVae
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
        complete = self.method == "upper_bound"
        return resident_holdings(self.experiment, self.place, tuple(self.modalities), self.seed, self.root, complete)

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
        """Modality -> what a network must know of it: of windows, or of their latents where one encoder reads all."""
        if not self.unified:
            return self.holdings.shapes
        settings, latent = self.experiment.models.unified, self.encoder[0].quantiser.latent
        return {m: latent_shape(shape, settings, latent) for m, shape in self.holdings.shapes.items()}

    @property
    def unified(self) -> bool:
        """Whether one frozen encoder reads every sensor that is a signal."""
        return self.experiment.models.encoder == "unified"

    @cached_property
    def encoder(self) -> tuple[VqVae, str]:
        """The frozen encoder, and its hash; raises ProtocolError where the node was not given it."""
        return encoder_used(self.store, self.method, self.seed)

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

    def view(self, payload: Payload, modality: str, how: str | None = None, change: Strength | None = None) -> View:
        """All samples of a modality with what normalises them: the message's statistics or the node's own.

        Of a signal that the frozen encoder reads, latents on the axes that all nodes agreed on, made at the first call and
        kept on the node; `change` is how their variants were augmented (as settings say where it is left out).
        """
        windows = self._windows(payload, modality, how)
        if not self.unified or self.holdings.shapes[modality].kind not in SIGNAL_KINDS:
            return windows
        settings = self.experiment.models.unified
        kept = self._on_axes(payload, modality, how, change)
        size = (len(windows), 1, kept.clean.shape[2])
        return LatentView(
            kept.clean, torch.zeros(size), torch.ones(size), windows.present, kept.variants, torch.arange(len(windows)),
            settings.mix, settings.noise,
        )  # fmt: skip

    def _on_axes(self, payload: Payload, modality: str, how: str | None, change: Strength | None) -> Latents:
        """Latents of all windows turned to the agreed axes. Those before are let go: they are six times as large."""
        axes = axes_used(self.store, self.method, self.seed, self.place.partition, modality)
        before = self._latents_name(payload, modality, how, change)
        turned = hashlib.sha256(axes.mean.numpy().tobytes() + axes.turn.numpy().tobytes()).hexdigest()

        def make() -> tuple[Tensor, Tensor]:
            raw = self._latents(payload, modality, how, change)
            on_axes = axes(raw.clean).to(PRECISION), axes(raw.variants).to(PRECISION)
            let_go(self.store, before)
            return on_axes

        return kept_latents(self.store, f"{before}:{turned}", make)

    def latent_sums(self, payload: Payload, modality: str) -> dict[str, np.ndarray]:
        """What the axes are found from: count, total and products over the latents of the windows present; kept, because
        the latents themselves are let go when axes are known."""
        name = f"sums:{self._latents_name(payload, modality)}"
        kept = self.store.get(name)
        if kept is None:
            present = torch.from_numpy(self.holdings.samples.present[modality])
            kept = safetensors.torch.save(_told(sums_of(self._latents(payload, modality).clean, present)))
            self.store.put(name, kept)
        return {key: value.numpy() for key, value in safetensors.torch.load(kept).items()}

    def signal_sums(self, payload: Payload, modality: str) -> dict[str, np.ndarray]:
        """What the mixture of its signals is found from, over the frames of the normalised windows present: count (1,),
        total (signal,), products of each pair (signal · (signal + 1) / 2,)."""
        windows, shape = self._windows(payload, modality, None), self.holdings.shapes[modality]
        signals = signals_apart(windows.clean(), shape, self.experiment.models.unified)  # (n, signal, time)
        return {key: value.numpy() for key, value in _told(sums_of(signals.transpose(1, 2), windows.present)).items()}

    def _mixture(self, modality: str) -> Tensor | None:
        """How the modality's signals are mixed, as all nodes agreed; None where they are not, or nobody told."""
        shape, settings = self.holdings.shapes[modality], self.experiment.models.unified
        if not is_mixed(shape, settings):
            return None
        turn = mixture_used(self.store, self.method, self.seed, self.place.partition, modality)
        expected = (signals_before(shape, settings), settings.signals)
        if turn is not None and tuple(turn.shape) != expected:
            raise ProtocolError(f"a mixture of {modality} of shape {tuple(turn.shape)}, expected {expected}")
        return turn

    def _latents_name(
        self,
        payload: Payload,
        modality: str,
        how: str | None = None,
        change: Strength | None = None,
        settings: UnifiedSettings | None = None,
    ) -> str:
        """All that the latents of a modality depend on."""
        shape, augment = self.holdings.shapes[modality], self.experiment.augment
        change = change or strength_for(shape.kind, augment, shape.layout)
        complete, settings = self.method == "upper_bound", settings or self.experiment.models.unified
        what = (
            self.seed, self.place.partition, complete, modality, how, change, self.encoder[1], settings, augment.jitter
        )  # fmt: skip
        digest = hashlib.sha256(repr(what).encode())
        agreed = payload.blocks.get(f"moments.{modality}", {})
        for key in ("mean", "std"):
            digest.update(np.ascontiguousarray(agreed.get(key, ())).tobytes())
        if (turn := self._mixture(modality)) is not None:
            digest.update(turn.numpy().tobytes())
        return f"latents:{digest.hexdigest()}"

    def _latents(
        self,
        payload: Payload,
        modality: str,
        how: str | None = None,
        change: Strength | None = None,
        settings: UnifiedSettings | None = None,
    ) -> Latents:
        """What the frozen encoder says of all windows."""
        shape, augment = self.holdings.shapes[modality], self.experiment.augment
        changed = change or strength_for(shape.kind, augment, shape.layout)
        asked, model = settings or self.experiment.models.unified, self.encoder[0]
        seed = derived_seed(self.seed, "variants", self.place.partition, modality)  # alike for every method

        def make() -> tuple[Tensor, Tensor]:
            windows = self._windows(payload, modality, how)
            turn = self._mixture(modality)
            return make_latents(model, windows, shape, asked, self._varied(), changed, augment.jitter, seed, turn)

        return kept_latents(self.store, self._latents_name(payload, modality, how, change, settings), make)

    def cells(self, payload: Payload, modality: str) -> Tensor:
        """The frozen encoder's latents cell by cell, before any codebook: (cell of every window, number)."""
        settings, latent = self.experiment.models.unified, self.encoder[0].quantiser.latent
        each = {"latents": "continuous", "variants": 0, "steps": settings.records // CELL}
        clean = self._latents(payload, modality, settings=settings.model_copy(update=each)).clean.float()
        present = torch.from_numpy(self.holdings.samples.present[modality])
        cells = clean[present].unflatten(2, (-1, latent, settings.bins // CELL))  # (n, column, signal, number, row)
        return cells.movedim(3, -1).reshape(-1, latent)

    def pictures(self, payload: Payload, modality: str, most: int) -> Tensor:
        """The pictures of at most so many windows, evenly picked, (picture, 3, row, column)."""
        settings, shape = self.experiment.models.unified, self.holdings.shapes[modality]
        rows = np.flatnonzero(self.holdings.samples.present[modality])
        some = rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64)] if len(rows) else rows
        windows = self._windows(payload, modality, None).take(torch.from_numpy(some)).clean()
        signals = signals_of(windows, shape, settings, self._mixture(modality)).flatten(0, 1)
        return pictures_of(signals, settings) if len(signals) else torch.zeros(0, 3, settings.bins, settings.records)

    def _windows(self, payload: Payload, modality: str, how: str | None) -> View:
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

    def _varied(self) -> Tensor:
        """Windows that some training sees augmented, bool (n,)."""
        label = torch.from_numpy(self.holdings.samples.label)
        if self.place.pretrains:
            return torch.ones(len(label), dtype=torch.bool)
        return label >= 0 if self.place.group == "finetune" else torch.zeros(len(label), dtype=torch.bool)

    @property
    def privacy(self) -> dict[str, Any]:
        """What `pack_embeddings` is told."""
        return self.experiment.privacy.model_dump()

    def shared_view(self, payload: Payload, modality: str) -> View:
        """All samples of a modality that binds, normalised as its encoder wants it."""
        settings, shape = self.experiment.autoencoder, self.holdings.shapes[modality]
        how = None if settings.normalise == "as_data" else settings.normalise
        return self.view(payload, modality, how, self.shared_change(shape))

    def shared_change(self, shape: ModalityShape) -> Strength:
        """How windows of a modality that binds are augmented for its encoder: time more than elsewhere."""
        settings = self.experiment.autoencoder
        change = strength_for(shape.kind, self.experiment.augment, shape.layout)
        return replace(change, crop=settings.crop, warp=settings.warp)

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
        """A seed of this job and node for one purpose. The server can work it out too."""
        return derived_seed(self.seed, self.method, self.place.partition, *purpose)

    def noise_seed(self, *purpose: str | int) -> int:
        """A seed for noise that protects: from the key that never leaves the node, so that nobody can take it off again.

        A whole number below 2⁶³, by HMAC-SHA256 of the purpose.
        """
        told = ":".join(map(str, ("noise", *purpose))).encode()
        return int.from_bytes(hmac.new(self._handle_key(), told, hashlib.sha256).digest()[:8], "big") >> 1


def _told(sums: LatentSums) -> dict[str, Tensor]:
    """Sums as they leave a node: products in single precision."""
    count = torch.tensor([sums.count], dtype=torch.float64)
    return {"count": count, "total": sums.total, "products": sums.products.float()}


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
