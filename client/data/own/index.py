"""What the paths below a folder say: which files make up a recording, whose it is, and its row in a table of labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.data.cards import DatasetCard
from client.data.folder import wrong_folder
from client.data.own.description import Description
from client.data.own.pattern import files_of
from client.data.own.tables import read_table
from client.data.own.words import text_of
from client.data.request import natural
from client.data.text_table import Unreadable
from configs.errors import UserError

Parts = tuple[tuple[str, str], ...]  # the parts of a recording's paths with their texts, sorted by name


@dataclass(frozen=True)
class Found:
    """What lies in a folder: the files of each recording by their patterns, and the rows of its table of labels."""

    files: Mapping[Parts, Mapping[str, Path]]
    labels: Mapping[Parts, str]  # empty without a table


def found_in(card: DatasetCard, home: Path, description: Description) -> Found:
    """What the description finds in the folder; reads no recording, only the table of labels. Raises UserError."""
    files = recordings_in(card, home, description)
    return Found(files, {} if description.label.table is None else table_labels(home, description, next(iter(files))))


def subjects_in(files: Mapping[Parts, Mapping[str, Path]]) -> list[str]:
    """Whose the recordings are, in natural order."""
    return sorted({dict(parts)["subject"] for parts in files}, key=natural)


def recordings_in(card: DatasetCard, home: Path, description: Description) -> dict[Parts, dict[str, Path]]:
    """Parts of the paths -> pattern -> file, by subject and then the other parts in natural order; reads no file.

    Raises UserError where no modality has a file, or two files are the same recording's.
    """
    found: dict[Parts, dict[str, Path]] = {}
    for pattern in dict.fromkeys(description.sources.values()):
        for parts, path in files_of(home, pattern):
            _add(found, parts, pattern, path)
    if not found:
        patterns = ", ".join(dict.fromkeys(description.sources.values()))
        raise wrong_folder(card, home, f"no file of {description.title} has a path as dataset.yaml says: {patterns}")
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


def table_labels(home: Path, description: Description, example: Parts) -> dict[Parts, str]:
    """Those of the parts (as an example has them) that the table names -> label. Raises UserError for another table."""
    label = description.label
    assert label.table is not None and label.column is not None
    path = home / label.table
    parts = [part for part, _ in example]
    try:
        table = read_table(path)
        named = [part for part in parts if part in table.names]
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
    labels: dict[Parts, str] = {}
    for row, value in zip(zip(*columns, strict=True), values, strict=True):
        told = tuple(zip(named, row, strict=True))
        if labels.setdefault(told, value) != value:
            raise UserError(
                f"two labels for {', '.join(f'{part} {text}' for part, text in told)}: {labels[told]} and {value}",
                where=f"label.table = {path}",
            )
    return labels


def row_of(labels: Mapping[Parts, str], told: Mapping[str, str]) -> str | None:
    """The table's label for these parts of a path; numbers are equal as numbers (01 and 1). None without a row."""
    named = next(iter(labels), ())
    wanted = tuple((part, told[part]) for part, _ in named)
    if wanted in labels:
        return labels[wanted]
    plain = tuple((part, str(int(told[part])) if told[part].isdecimal() else told[part]) for part, _ in named)
    return labels.get(plain)
