"""What a user is told of the data sets: their cards as text, and what a folder really holds."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from client.data.cards import DatasetCard
from client.data.catalogue import DATASETS, dataset
from client.data.recording import Recording, Signal, Skipped
from client.data.request import checked_modalities, checked_subjects
from configs.errors import UserError


@dataclass(frozen=True)
class ModalityCheck:
    """One modality over all recordings that hold it; lengths are (shortest, median, longest)."""

    kind: str
    channels: int
    rate_hz: float
    unit: str
    recordings: int  # that hold it
    length_s: tuple[float, float, float]
    nan_share: float


@dataclass(frozen=True)
class DatasetCheck:
    """What was found under a folder, counted."""

    name: str
    title: str
    citation: str
    terms: str
    simulated: bool
    classes: tuple[str, ...]
    recordings: int
    by_subject: Mapping[str, Mapping[str, int]]  # subject -> class -> recordings
    by_class: Mapping[str, int]
    modalities: Mapping[str, ModalityCheck]
    skipped: Sequence[Skipped] = field(default_factory=list)
    faults: Mapping[str, str] = field(default_factory=dict)  # subject -> why nothing of it could be read


def cards() -> list[DatasetCard]:
    """The cards of all data sets, with their default options."""
    return [each.card for each in DATASETS.values()]


def card_text(card: DatasetCard) -> str:
    """One card in plain text, several lines."""
    modalities = [
        f"  {name}: {each.kind}, {each.channels} x {each.rate_hz:g} Hz, {each.unit}"
        + (f", a frame is {' × '.join(map(str, each.layout))}" if each.layout else "")
        for name, each in card.modalities.items()
    ]
    options = [
        f"  {name} = {each.default}: {each.meaning}"
        + (f" ({', '.join(str(value) for value in each.allowed)})" if each.allowed else "")
        for name, each in card.options.items()
    ]
    lines = [
        f"{card.name}: {card.title}" + (" (simulated)" if card.simulated else ""),
        f"cite: {card.citation}",
        f"terms: {card.terms}",
        f"published at: {card.published_at}",
        "files: " + ("none needed" if not card.tree else ""),
        *("  " + line for line in card.tree.splitlines()),
        f"classes ({len(card.classes)}): {', '.join(card.classes)}" if card.classes else "classes: the folder's own",
        "modalities:" + ("" if modalities else " the folder's own"),
        *modalities,
        *(["options:", *options] if options else []),
    ]
    return "\n".join(line.rstrip() for line in lines)


def check(
    name: str,
    root: Path | None,
    *,
    modalities: Sequence[str] | None = None,
    subjects: Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
    show: Callable[[Recording], None] | None = None,
) -> DatasetCheck:
    """Loads subject by subject (one in memory at a time) and counts; all modalities and subjects by default.

    show  is called with each recording while it is in memory

    A subject of which nothing can be read is told among `faults`. Raises UserError for what is wrong as a whole:
    the folder, the name, an option, a modality.
    """
    source, chosen = dataset(name), dict(options or {})
    card = source.card_for(chosen, root)
    known = source.subjects(root, chosen)
    wanted = checked_modalities(card, list(card.modalities) if modalities is None else modalities)
    asked = known if subjects is None else checked_subjects(card, subjects, known)
    by_subject: dict[str, Counter[str]] = {}
    tallies = {modality: _Tally(by_frame=card.modalities[modality].kind == "points") for modality in wanted}
    skipped: list[Skipped] = []
    faults: dict[str, str] = {}
    for subject in asked:
        by_subject[subject] = Counter()
        try:
            loaded = source.load(
                root, subjects=[subject], modalities=wanted, on_corrupt="skip", options=chosen, seed=seed
            )
        except UserError as error:
            faults[subject] = error.todo.removeprefix("look at ") or error.what
            continue
        skipped += loaded.skipped
        for recording in loaded.recordings:
            by_subject[subject][card.classes[recording.label]] += 1
            _tally(recording, tallies)
            if show is not None:
                show(recording)
    by_class = {each: sum(counts[each] for counts in by_subject.values()) for each in card.classes}
    return DatasetCheck(
        name=name,
        title=card.title,
        citation=card.citation,
        terms=card.terms,
        simulated=card.simulated,
        classes=card.classes,
        recordings=sum(by_class.values()),
        by_subject={subject: dict(counts) for subject, counts in by_subject.items()},
        by_class=by_class,
        modalities={modality: tally.checked(card, modality) for modality, tally in tallies.items()},
        skipped=skipped,
        faults=faults,
    )


@dataclass
class _Tally:
    lengths_s: list[float] = field(default_factory=list)
    values: int = 0
    gaps: int = 0
    rate_hz: float | None = None
    by_frame: bool = False  # a point that is absent is no gap, a frame without any point is

    def add(self, signal: Signal) -> None:
        absent = np.isnan(signal.values)
        missing = np.asarray(absent.all(axis=1)) if self.by_frame else absent
        self.lengths_s.append(signal.duration_s)
        self.values += missing.size
        self.gaps += int(missing.sum())
        self.rate_hz = signal.rate_hz

    def checked(self, card: DatasetCard, modality: str) -> ModalityCheck:
        each = card.modalities[modality]
        lengths = self.lengths_s or [0.0]
        return ModalityCheck(
            kind=each.kind,
            channels=each.channels,
            rate_hz=self.rate_hz or each.rate_hz,
            unit=each.unit,
            recordings=len(self.lengths_s),
            length_s=(min(lengths), float(np.median(lengths)), max(lengths)),
            nan_share=self.gaps / max(self.values, 1),
        )


def _tally(recording: Recording, tallies: Mapping[str, _Tally]) -> None:
    for modality, signal in recording.signals.items():
        tallies[modality].add(signal)
