"""What one node of an experiment holds: its recordings, cut into samples, and what normalises them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from client.data.agreement import check_agreement, kept_classes
from client.data.cards import DatasetCard, ModalityCard, channels_of
from client.data.catalogue import dataset
from client.data.gaps import cut_gaps
from client.data.naming import name_there, named_card, named_recordings, of_classes
from client.data.natural import keep_natural
from client.data.normalise import Moments, moments_of_rows, shared_by
from client.data.partition import NodeShare, dirichlet, hide_labels, labels_of_nodes, part_of, subjects_to_nodes
from client.data.recording import Loaded, Recording, Skipped
from client.data.request import checked_options
from client.data.samples import SampleSet
from client.data.windows import sliding, whole
from configs.errors import UserError
from configs.nodes import NodePlace, derived_seed, modalities_of, node_places
from configs.schema import DataSettings, Experiment
from models.blocks import ModalityShape
from models.encoders import SINGLE_FRAME


@dataclass(frozen=True)
class Holdings:
    """One node's samples in the recordings' own units, with their labels where the node has them."""

    samples: SampleSet
    shapes: Mapping[str, ModalityShape]
    rates_hz: Mapping[str, float]
    classes: tuple[str, ...]
    simulated: bool
    skipped: Sequence[Skipped]
    normalise: str

    def moments(self, modality: str) -> Moments:
        """Count, sum and sum of squares per channel over all frames of the present samples.

        Channels that hold one quantity at many places (`shared_by`) all carry the sums over these places.
        """
        return self._moments_of(modality, self.samples.present[modality])

    def _moments_of(self, modality: str, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Moments:
        shape = self.shapes[modality]
        return moments_of_rows(self.samples.arrays[modality][rows]).pooled(shared_by(shape.kind, shape.layout))

    def normaliser(
        self, modality: str, agreed: Mapping[str, NDArray[np.float32]] | None, how: str | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and spread for every sample, (n, 1, channel) each: the agreed ones, or the node's or subject's own.

        `how` is one of `data.normalise`'s names, which is meant where it is left out.

        Raises ValueError where the agreed statistics are wanted and missing, or have another number of channels.
        """
        n, channels = len(self.samples), self.shapes[modality].channels
        how = how or self.normalise
        if how == "none":
            return np.zeros((n, 1, channels), np.float32), np.ones((n, 1, channels), np.float32)
        if how == "federated":
            if agreed is None or agreed["mean"].shape != (channels,):
                raise ValueError(
                    f"the agreed statistics of {modality} are missing or do not fit its {channels} channels"
                )
            return tuple(np.broadcast_to(agreed[key], (n, 1, channels)).copy() for key in ("mean", "std"))  # type: ignore[return-value]
        owner = self.samples.subject if how == "per_subject" else np.zeros(n)
        mean, std = np.zeros((n, 1, channels), np.float32), np.ones((n, 1, channels), np.float32)
        for value in np.unique(owner):
            rows = np.flatnonzero((owner == value) & self.samples.present[modality])
            own = self._moments_of(modality, rows)
            mean[rows, 0], std[rows, 0] = own.mean, own.spread
        return mean, std


def holdings_of(
    experiment: Experiment,
    place: NodePlace,
    modalities: Sequence[str] | None,
    seed: int,
    root: str | Path | None,
    complete: bool = False,
) -> Holdings:
    """Reads, divides, cuts and thins what belongs to this node; raises UserError for what the user must mend.

    modalities  what the node may use (its group's own where None)
    complete    whether every sample keeps all of them, also those that its group does not list
    """
    settings, group = experiment.data_of(place.group), experiment.groups[place.group]
    names = list(modalities_of(experiment, place.group, "fedbind") if modalities is None else modalities)
    subjects = experiment.split[place.group]
    share = _shares(tuple(subjects), group.nodes)[place.index] if experiment.partition.kind == "subject" else None
    read = read_named(settings, share.subjects if share else subjects, names, root, experiment.data_path(place.group))
    card, kept = read.card, kept_classes(experiment, place.group, read.card)
    recordings = of_classes(read.recordings, kept)
    label = np.array([recording.label for recording in recordings], dtype=np.int64)
    labels: int | dict[int, int] | None = None
    if share is not None:
        mine = part_of(label, share.part, share.parts)
        if group.labels_per_class is not None:
            labels = _share_of(group.labels_per_class, group.nodes, place.index)
    else:
        generator = np.random.default_rng(derived_seed(seed, "partition", place.group))
        held = dirichlet(label, group.nodes, experiment.partition.alpha, generator)
        mine = held[place.index]
        if group.labels_per_class is not None:
            labels = labels_of_nodes(label, held, group.labels_per_class)[place.index]
    recordings = [recordings[row] for row in mine]
    if experiment.gaps.rate:
        generator = np.random.default_rng(derived_seed(seed, "gaps", place.partition))
        recordings = cut_gaps(recordings, experiment.gaps.rate, experiment.gaps.mean_s, generator)
    frames = {name: settings.modalities[name].frames for name in names}
    channels = channels_of(card, names)
    nearest = [name for name in names if card.modalities[name].kind == "points"]
    if settings.window.kind == "whole":
        samples = whole(recordings, channels, frames, nearest=nearest)
    else:
        window = settings.window
        samples = sliding(
            recordings, channels, seconds=window.seconds, stride_s=window.stride_s, frames=frames, nearest=nearest
        )
    if group.natural_share and not complete:
        generator = np.random.default_rng(derived_seed(seed, "natural", place.partition))
        samples = keep_natural(samples, group.modalities, group.natural_share, generator)
        names = list(samples.modalities)
    if labels is not None:
        generator = np.random.default_rng(derived_seed(seed, "labels", place.group, place.index))
        samples = replace(samples, label=hide_labels(samples.label, generator, labels_per_class=labels))
    elif group.labels_share is not None:
        generator = np.random.default_rng(derived_seed(seed, "labels", place.group, place.index))
        samples = replace(samples, label=hide_labels(samples.label, generator, share=group.labels_share))
    return Holdings(
        samples=samples,
        shapes={m: _shape(card.modalities[m], frames[m]) for m in names},
        rates_hz={m: card.modalities[m].rate_hz for m in names},
        classes=tuple(card.classes),
        simulated=card.simulated,
        skipped=read.skipped,
        normalise=settings.normalise,
    )


@lru_cache(maxsize=16)
def _shares(subjects: tuple[str, ...], nodes: int) -> list[NodeShare]:
    """Made once for a group, of which every node takes its own."""
    return subjects_to_nodes(subjects, nodes)


def _shape(card: ModalityCard, frames: int) -> ModalityShape:
    return ModalityShape(card.kind, frames, card.channels, card.layout)


def _share_of(labels: int, nodes: int, index: int) -> int:
    """A group's labels per class, divided over its nodes; the first ones get what is left over."""
    return labels // nodes + (index < labels % nodes)


@dataclass(frozen=True)
class Named:
    """Recordings of one data set under the experiment's names and labels, with the card to match."""

    card: DatasetCard
    recordings: Sequence[Recording]
    skipped: Sequence[Skipped]


def read_named(
    settings: DataSettings,
    subjects: Sequence[str],
    names: Sequence[str],
    root: str | Path | None = None,
    where: str = "data",
) -> Named:
    """What a data section tells of these people and modalities, whole; raises UserError for what the user must mend.

    root   the folder, where it is not the section's own
    where  the section's key path
    """
    folder = str(root) if root else settings.root
    options, there = repr(sorted(settings.options.items())), tuple(name_there(settings, name) for name in names)
    card, loaded = _read_once(
        settings.name, options, folder, tuple(subjects), there, settings.on_corrupt, _Options(settings.options)
    )
    recordings = named_recordings(loaded.recordings, card.classes, settings)
    return Named(named_card(card, settings, names, where), recordings, loaded.skipped)


class _Options(dict):
    """A mapping that takes no part in the cache's key; `repr` of its items does."""

    def __hash__(self) -> int:  # type: ignore[override]
        return 0

    def __eq__(self, other: object) -> bool:
        return True


@lru_cache(maxsize=16)
def _read_once(
    name: str,
    options_key: str,
    root: str | None,
    subjects: tuple[str, ...],
    names: tuple[str, ...],
    on_corrupt: str,
    options: _Options,
) -> tuple[DatasetCard, Loaded]:
    """Recordings of one group; kept while the process lives, read again by a fresh one."""
    source, folder = dataset(name), _folder(root)
    loaded = source.load(
        folder,
        subjects=list(subjects),
        modalities=list(names),
        on_corrupt=on_corrupt,  # type: ignore[arg-type]
        options=dict(options),
        seed=0,
    )
    return source.card_for(dict(options), folder), loaded


def _folder(root: str | None) -> Path | None:
    return Path(root).expanduser() if root else None


def check_settings(settings: DataSettings, *, root_comes_later: bool = False, where: str = "data") -> DatasetCard:
    """A data section against the data set's card, reading no recording; returns the card under the experiment's names.

    root_comes_later  no folder need be named yet (every node may have its own)
    where             the section's key path

    Raises UserError.
    """
    source = dataset(settings.name)
    card = source.card_for(checked_options(source.card, settings.options), _folder(settings.root))
    card = named_card(card, settings, settings.modalities, where)  # own recordings have theirs from the folder
    for name, window in settings.modalities.items():
        if window.frames < 2 and name in card.modalities and card.modalities[name].kind not in SINGLE_FRAME:
            raise UserError(
                f"one frame of {name} says nothing: it is a signal over time",
                where=f"{where}.modalities.{name}.frames",
                expected="2 or more",
            )
    if settings.root is None and not card.simulated and not root_comes_later:
        raise UserError(
            f"{card.title} is read from a folder, and none is named",
            where=f"{where}.root",
            expected=f"a folder laid out as published at {card.published_at}",
            todo=f"{where}.root=FOLDER on the command line; `fedbind data list {settings.name}` shows the tree",
        )
    return card


def check_data(experiment: Experiment, *, root_comes_later: bool = False) -> None:
    """Every data set that a group reads against its card, and all of them against one another; raises UserError."""
    cards = {
        path: check_settings(settings, root_comes_later=root_comes_later, where=path)
        for path, settings in experiment.data_read.items()
    }
    check_agreement(experiment, cards)


def check_holdings(experiment: Experiment) -> None:
    """Reads every node's recordings once; raises UserError for the first thing the user must mend."""
    check_data(experiment)
    for place in node_places(experiment):
        held = holdings_of(experiment, place, None, experiment.seeds[0], experiment.data_of(place.group).root)
        role = experiment.groups[place.group]
        if place.group in ("finetune", "test") and not (held.samples.label >= 0).any():
            raise UserError(
                f"group {place.group} has no labelled sample",
                where=f"split.{place.group} = {experiment.split[place.group]}",
                expected=f"labelled samples of {', '.join(role.modalities)}",
            )
