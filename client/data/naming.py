"""From a data set's own names for sensors and classes to the experiment's (`rename` and `classes` of its settings)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from client.data.cards import DatasetCard
from client.data.recording import Recording
from client.data.samples import UNLABELLED
from configs.errors import unknown_name
from configs.schema import DataSettings

DROPPED = -2  # in place of a label whose class the experiment leaves out


def name_there(settings: DataSettings, modality: str) -> str:
    """What the data set calls a modality of the experiment."""
    return settings.rename.get(modality, modality)


def named_card(card: DatasetCard, settings: DataSettings, wanted: Iterable[str], where: str = "data") -> DatasetCard:
    """The card with the wanted modalities under the experiment's names, and its classes in its words and order.

    where  the settings' key path, for messages

    A card that is described by its folder, and knows none yet, stays as it is. Raises UserError for a modality or a class
    that the data set does not have.
    """
    if not card.modalities:
        return card
    modalities = {}
    for name in wanted:
        there = name_there(settings, name)
        if there not in card.modalities:
            path = f"{where}.rename.{name}" if name in settings.rename else f"{where}.modalities"
            raise unknown_name("modality", there, card.modalities, where=f"{path}, data set {card.name}")
        modalities[name] = card.modalities[there]
    if settings.classes is None:
        return replace(card, modalities=modalities)
    for here, words in settings.classes.items():
        for word in words:
            if word not in card.classes:
                raise unknown_name("class", word, card.classes, where=f"{where}.classes.{here}, data set {card.name}")
    return replace(card, modalities=modalities, classes=tuple(settings.classes))


def places_of(classes: Sequence[str], settings: DataSettings) -> NDArray[np.int64]:
    """The experiment's class for each class of the data set, or DROPPED."""
    if settings.classes is None:
        return np.arange(len(classes), dtype=np.int64)
    place = {word: at for at, words in enumerate(settings.classes.values()) for word in words}
    return np.array([place.get(word, DROPPED) for word in classes], dtype=np.int64)


def named_recordings(
    recordings: Iterable[Recording], classes: Sequence[str], settings: DataSettings
) -> list[Recording]:
    """The recordings with the experiment's names and labels, without those of classes (the data set's own) that it
    leaves out."""
    place, here = places_of(classes, settings), {there: name for name, there in settings.rename.items()}
    found = []
    for recording in recordings:
        label = recording.label if recording.label == UNLABELLED else int(place[recording.label])
        if label == DROPPED:
            continue
        signals = {here.get(name, name): signal for name, signal in recording.signals.items()}
        found.append(replace(recording, label=label, signals=signals))
    return found


def of_classes(recordings: Iterable[Recording], kept: Collection[int] | None) -> list[Recording]:
    """Those of the kept classes alone, and those without a label; all where `kept` is None."""
    return [each for each in recordings if kept is None or each.label == UNLABELLED or each.label in kept]
