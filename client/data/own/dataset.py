"""The data set named `folder`: the user's own recordings, as the folder's dataset.yaml describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from client.data.cards import DatasetCard, ModalityCard, OnCorrupt
from client.data.corrupt import CorruptPolicy
from client.data.folder import wrong_folder
from client.data.own.description import Description, text_of
from client.data.own.load import description_of
from client.data.own.pattern import files_of
from client.data.own.recordings import Files, signals_of, stretches_of
from client.data.own.tables import read_table
from client.data.recording import Loaded, Recording
from client.data.request import checked_modalities, checked_options, checked_subjects, natural
from client.data.stretches import between
from client.data.text_table import Unreadable
from configs.errors import UserError

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

Parts = tuple[tuple[str, str], ...]  # the parts of a recording's paths with their texts, sorted by name


class OwnRecordings:
    """The loader of a folder with a dataset.yaml."""

    card = CARD

    def card_for(self, options: Mapping[str, Any], root: Path | None) -> DatasetCard:
        """The card that the folder's dataset.yaml makes; without a folder, one without classes and modalities."""
        checked_options(CARD, options)
        if root is None:
            return CARD
        home, description = description_of(CARD, root)
        return card_of(home, description)

    def subjects(self, root: Path | None, options: Mapping[str, Any]) -> list[str]:
        """What `{subject}` stands for in the paths found."""
        checked_options(CARD, options)
        home, description = description_of(CARD, root)
        return sorted({dict(parts)["subject"] for parts in recordings_in(home, description)}, key=natural)

    def load(
        self,
        root: Path | None,
        *,
        subjects: Sequence[str],
        modalities: Sequence[str],
        on_corrupt: OnCorrupt,
        options: Mapping[str, Any],
        seed: int,
    ) -> Loaded:
        """One recording per file, or per stretch of one label in it; see Dataset.load."""
        checked_options(CARD, options)
        home, description = description_of(CARD, root)
        card = card_of(home, description)
        wanted = checked_modalities(card, modalities)
        found = recordings_in(home, description)
        known = sorted({dict(parts)["subject"] for parts in found}, key=natural)
        asked = checked_subjects(card, subjects, known)
        policy = CorruptPolicy(on_corrupt)
        labels = {} if description.label.table is None else table_labels(home, description)
        recordings: list[Recording] = []
        for parts, files in found.items():
            if dict(parts)["subject"] in asked:
                recordings += recordings_of(description, card, wanted, parts, files, labels, policy)
        return policy.loaded(recordings, asked)


def card_of(home: Path, description: Description) -> DatasetCard:
    """The card: classes as named, or as found in paths or in the table, in natural order."""
    if description.classes is not None:
        classes = tuple(dict.fromkeys(description.classes.values()))
    else:
        if description.label.path is not None:
            found = {dict(parts)[description.label.path] for parts in recordings_in(home, description)}
        else:
            found = set(table_labels(home, description).values())
        classes = tuple(sorted(found - {""} - set(description.label.ignore), key=natural))
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


def recordings_in(home: Path, description: Description) -> dict[Parts, dict[str, Path]]:
    """Parts of the paths -> pattern -> file, by subject and then the other parts in natural order; reads no file.

    Raises UserError where no modality has a file, or two files are the same recording's.
    """
    found: dict[Parts, dict[str, Path]] = {}
    for pattern in dict.fromkeys(description.sources.values()):
        for parts, path in files_of(home, pattern):
            _add(found, parts, pattern, path)
    if not found:
        patterns = ", ".join(dict.fromkeys(description.sources.values()))
        raise wrong_folder(CARD, home, f"no file of {description.title} has a path as dataset.yaml says: {patterns}")
    if description.label_files and description.label_files not in description.sources.values():
        for parts, path in files_of(home, description.label_files):
            if tuple(sorted(parts.items())) in found:
                _add(found, parts, description.label_files, path)
    return {parts: found[parts] for parts in sorted(found, key=_by_subject)}


def _add(found: dict[Parts, dict[str, Path]], parts: Mapping[str, str], pattern: str, path: Path) -> None:
    files = found.setdefault(tuple(sorted(parts.items())), {})
    if pattern in files:
        raise UserError(
            f"two files are the same recording's: {', '.join(f'{k} {v}' for k, v in parts.items())}",
            where=f"{files[pattern]} and {path}",
            expected=f"one file for {pattern}",
            todo="give what tells them apart a name in braces",
        )
    files[pattern] = path


def _by_subject(parts: Parts) -> tuple[Any, ...]:
    told = dict(parts)
    return (natural(told["subject"]), *(natural(text) for _, text in parts))


def table_labels(home: Path, description: Description) -> dict[Parts, str]:
    """Parts that the table names -> label. Raises UserError for a table that cannot be used."""
    label = description.label
    assert label.table is not None and label.column is not None
    path = home / label.table
    parts = sorted(dict(next(iter(recordings_in(home, description)))))
    try:
        table = read_table(path)
        named = [part for part in parts if part in getattr(table, "names", parts)]
        columns = [[text_of(each) for each in table.values(part).tolist()] for part in named]
        values = [text_of(each) for each in table.values(label.column).tolist()]
    except (Unreadable, OSError) as error:
        raise UserError(str(error), where=f"label.table = {path}") from error
    if not named:
        raise UserError(
            "no column of the table is a part of the files' paths",
            where=f"label.table = {path}",
            expected=", ".join(parts),
        )
    rows = [tuple(zip(named, row, strict=True)) for row in zip(*columns, strict=True)]
    return dict(zip(rows, values, strict=True))


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
        return recordings
    value = told[description.label.path] if description.label.path is not None else _row_of(labels, told)
    label = class_of(description, card, value, next(iter(paths.values())), policy)
    return [] if label is None else [Recording(told["subject"], label, signals, name)]


def _row_of(labels: Mapping[Parts, str], told: Mapping[str, str]) -> str | None:
    """The table's label for these parts of a path; numbers are equal as numbers (01 and 1). None without a row."""
    named = next(iter(labels), ())
    wanted = tuple((part, told[part]) for part, _ in named)
    if wanted in labels:
        return labels[wanted]
    plain = tuple((part, str(int(told[part])) if told[part].isdecimal() else told[part]) for part, _ in named)
    return labels.get(plain)


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
