"""The data set named `folder`: the user's own recordings, as the folder's dataset.yaml describes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from client.data.cards import DatasetCard, ModalityCard
from client.data.corrupt import CorruptPolicy
from client.data.own.description import Description
from client.data.own.index import Found, Parts, found_in, recordings_in, row_of, subjects_in
from client.data.own.load import description_of
from client.data.own.recordings import Files, signals_of, stretches_of
from client.data.recording import Recording
from client.data.request import natural
from client.data.source import Dataset, Request
from client.data.stretches import between

CARD = DatasetCard(
    name="folder",
    title="own recordings",
    citation="as dataset.yaml says",
    terms="your own",
    published_at="docs/data.md",
    tree="dataset.yaml   says what lies where, and what it is\n"
    "such as <subject>/<activity>_<trial>.csv; .csv, .tsv, .txt, .npz, .mat and .parquet are read",
    simulated=False,
    classes=(),
    modalities={},
    described_by_folder=True,
)


class OwnRecordings(Dataset):
    """The loader of a folder with a dataset.yaml."""

    card = CARD

    def described(self, options: Mapping[str, Any], root: Path | None) -> DatasetCard:
        """The card that the folder's dataset.yaml makes; without a folder, one without classes and modalities."""
        if root is None:
            return CARD
        home, description = description_of(CARD, root)
        return card_of(description, None if description.classes is not None else found_in(CARD, home, description))

    def found(self, root: Path | None, options: Mapping[str, Any]) -> list[str]:
        """What `{subject}` stands for in the paths found."""
        home, description = description_of(CARD, root)
        return subjects_in(recordings_in(CARD, home, description))

    def read(self, asked: Request, policy: CorruptPolicy) -> Iterator[Recording]:
        """One recording per file, or per stretch of one label in it."""
        home, description = description_of(CARD, asked.root)
        found = found_in(CARD, home, description)
        for parts, files in found.files.items():
            if dict(parts)["subject"] in asked.subjects:
                yield from recordings_of(description, asked.card, asked.modalities, parts, files, found.labels, policy)


def card_of(description: Description, found: Found | None) -> DatasetCard:
    """The card: classes as named, or, where they are not, as found in paths or in the table, in natural order."""
    classes: tuple[str, ...] = ()
    if description.classes is not None:
        classes = tuple(dict.fromkeys(description.classes.values()))
    elif found is not None:
        by_path = description.label.path
        values = {dict(parts)[by_path] for parts in found.files} if by_path is not None else set(found.labels.values())
        classes = tuple(sorted(values - {""} - set(description.label.ignore), key=natural))
    return replace(
        CARD,
        title=description.title,
        citation=description.citation or CARD.citation,
        terms=description.terms or CARD.terms,
        simulated=description.simulated,
        classes=classes,
        modalities={
            name: ModalityCard(each.kind, each.channels, description.rate_of(name), each.unit)
            for name, each in description.modalities.items()
        },
    )


def recordings_of(
    description: Description,
    card: DatasetCard,
    wanted: Sequence[str],
    parts: Parts,
    paths: Mapping[str, Path],
    labels: Mapping[Parts, str],
    policy: CorruptPolicy,
) -> list[Recording]:
    """The recordings in the files of one recording: itself, or one for each stretch of one label."""
    files, told = Files(paths, policy), dict(parts)
    name = " ".join(told.values())
    signals, start_s = signals_of(description, card, wanted, files, policy)
    if not signals:
        return []
    if description.label_files:
        recordings = []
        stretches = stretches_of(description, files, start_s, policy)
        where = paths.get(description.label_files, next(iter(paths.values())))
        values = dict.fromkeys(stretch.value for stretch in stretches)
        label_of = {value: class_of(description, card, value, where, policy) for value in values}
        for stretch in stretches:
            label = label_of[stretch.value]
            cut = {
                each: between(signals[each], stretch.start_s - start_s, stretch.stop_s - start_s) for each in signals
            }
            cut = {each: signal for each, signal in cut.items() if len(signal.values)}
            if label is not None and cut:
                span = f"{stretch.start_s - start_s:.0f} to {stretch.stop_s - start_s:.0f} s"
                recordings.append(Recording(told["subject"], label, cut, f"{name}, {span}"))
        if stretches and not recordings:
            policy.refuse(where, "no stretch of a class lies within the signals", expected=", ".join(card.classes))
        return recordings
    value = told[description.label.path] if description.label.path is not None else row_of(labels, told)
    label = class_of(description, card, value, next(iter(paths.values())), policy)
    return [] if label is None else [Recording(told["subject"], label, signals, name)]


def class_of(
    description: Description, card: DatasetCard, value: str | None, where: Path, policy: CorruptPolicy
) -> int | None:
    """The class's number; None for a value to ignore, and, counted, for one that is no class."""
    if value is None:
        policy.refuse(where, "the table has no row for this recording")
        return None
    if value == "" or value in description.label.ignore:
        return None
    word = value if description.classes is None else description.classes.get(value)
    if word is None:
        policy.refuse(where, f"label {value!r} is no class", expected="one of classes, or of label.ignore")
        return None
    return card.classes.index(word)
