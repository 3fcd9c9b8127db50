"""A study's recordings as windows and samples, every signal normalised by its own person's moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from client.data.cards import ModalityCard
from client.data.catalogue import dataset
from client.data.holdings import check_settings, read_named
from client.data.recording import Recording, Signal, Skipped
from client.data.spectral import SpectralWindows, is_signal, spectral_windows
from client.data.spectral.series import Series
from client.data.spectral.windows import moments_of_series, series_by_recording
from configs.errors import UserError, unknown_name
from configs.fusion_study import USELESS, FusionStudy
from configs.nodes import derived_seed
from simulation.fusion.sequences import Sequences, sequences_of

AXES = "norm"  # one signal and so one picture a modality


@dataclass(frozen=True)
class Material:
    """What all folds are made of."""

    windows: Mapping[str, SpectralWindows]
    sequences: Sequences
    classes: tuple[str, ...]
    simulated: bool
    skipped: Sequence[Skipped]

    @property
    def subjects(self) -> list[str]:
        """Those with samples, in the order of the recordings."""
        return list(dict.fromkeys(self.sequences.subject.tolist()))


def material_of(study: FusionStudy) -> Material:
    """Reads and cuts the study's recordings; raises UserError for what the user must mend."""
    settings = study.data.settings()
    card = check_settings(settings)
    if strange := [name for name in study.data.modalities if not is_signal(card.modalities[name])]:
        raise UserError(f"no picture is made of {', '.join(strange)}: no signal over time", where="data.modalities")
    root = Path(settings.root).expanduser() if settings.root else None
    known = dataset(settings.name).subjects(root, settings.options)
    people = study.subjects or known
    for name in people:
        if name not in known:
            raise unknown_name("subject", name, known, where="subjects")
    read = read_named(settings, people, study.data.modalities)
    recordings, cards = list(read.recordings), dict(read.card.modalities)
    if study.useless:
        cards[USELESS] = ModalityCard("physiological", 1, study.picture.rate_hz, "1")
        recordings = with_noise(recordings, study.picture.rate_hz)
    windows = {name: windows_of(recordings, name, cards[name], study.picture.rate_hz) for name in study.modalities}
    if empty := [name for name, each in windows.items() if not each.present.any()]:
        raise UserError(
            f"nobody recorded {', '.join(empty)}", where="data.modalities", expected="a signal in some file"
        )
    step, every = study.strides(study.sequence.step_s), study.strides(study.sequence.every_s)
    sequences = sequences_of(windows, study.sequence.windows, step, every)
    return Material(windows, sequences, tuple(read.card.classes), card.simulated, read.skipped)


def windows_of(recordings: Sequence[Recording], name: str, card: ModalityCard, rate_hz: float) -> SpectralWindows:
    """A modality's windows; what its moments are of is that person's recordings alone, with or without their labels."""
    series = series_by_recording(recordings, name, card, rate_hz, AXES)
    owners: dict[str, list[Series]] = {}
    for number, each in series.items():
        owners.setdefault(recordings[number].subject, []).append(each)
    return spectral_windows(recordings, series, {who: moments_of_series(theirs) for who, theirs in owners.items()})


def with_noise(recordings: Sequence[Recording], rate_hz: float) -> list[Recording]:
    """The recordings with a further modality of white noise, as long as their longest; always the same noise."""
    found = []
    for number, recording in enumerate(recordings):
        seconds = max((signal.duration_s for signal in recording.signals.values()), default=0.0)
        generator = np.random.default_rng(derived_seed(0, USELESS, recording.subject, number))
        noise = generator.standard_normal((max(1, round(seconds * rate_hz)), 1)).astype(np.float32)
        found.append(replace(recording, signals={**recording.signals, USELESS: Signal(noise, rate_hz)}))
    return found
