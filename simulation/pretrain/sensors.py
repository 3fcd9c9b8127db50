"""How well the encoder gives back the spectral images of real sensors, modality by modality. It only reports."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from client.data.catalogue import dataset
from client.data.holdings import check_settings
from client.data.normalise import Moments
from client.data.recording import Recording
from client.data.spectral import SpectralWindows, is_signal, spectral_windows
from client.data.spectral.series import Series
from client.data.spectral.windows import RATE_HZ, moments_of_series, series_by_recording
from configs.nodes import derived_seed
from configs.schema import Experiment
from models.spectral import PictureForm, columns, paint
from models.vqvae import VqVae
from simulation.pretrain.measure import measure

AT_ONCE = 32  # pictures


@dataclass(frozen=True)
class SensorSettings:
    """How sensors become pictures, and of how many windows of each modality."""

    form: PictureForm = field(default_factory=PictureForm)
    axes: str = "norm"
    rate_hz: float = RATE_HZ
    windows: int = 256


def measure_sensors(model: VqVae, experiment: Experiment, settings: SensorSettings, seed: int) -> dict[str, Any]:
    """Fidelity by modality, over windows drawn from all people but those of `split.test`, who choose nothing here.

    Signals are normalised as `data.normalise` says (`federated` and `per_node` over all these people together).
    A modality that is no signal over time (pictures, point clouds) is left out, and named. Raises UserError for what is
    wrong with the data.
    """
    check_settings(experiment.data)
    data, source = experiment.data, dataset(experiment.data.name)
    root = Path(data.root).expanduser() if data.root else None
    card = source.card_for(data.options, root)
    names = [name for name in data.modalities if is_signal(card.modalities[name])]
    found: dict[str, Any] = {
        "data": {"name": data.name, "simulated": card.simulated},
        "settings": {**asdict(settings), "normalise": data.normalise},
        "left_out": [name for name in data.modalities if name not in names],
        "modalities": {},
    }
    people = [subject for group, subjects in experiment.split.items() if group != "test" for subject in subjects]
    if not names:
        return found
    loaded = source.load(
        root, subjects=people, modalities=names, on_corrupt=data.on_corrupt, options=data.options, seed=0
    )
    for name in names:
        series = series_by_recording(loaded.recordings, name, card.modalities[name], settings.rate_hz, settings.axes)
        if series:
            windows = spectral_windows(loaded.recordings, series, _moments(loaded.recordings, series, data.normalise))
            present = np.flatnonzero(windows.present)
            generator = np.random.default_rng(derived_seed(seed, "sensors", name))
            rows = np.sort(generator.permutation(present)[: settings.windows])
            if len(rows):
                fidelity = measure(model, _pictures(windows, rows, settings.form))
                found["modalities"][name] = {**asdict(fidelity), "windows": len(rows), "of_windows": len(windows)}
    return found


def _moments(recordings: list[Recording], series: dict[int, Series], how: str) -> Moments | dict[str, Moments]:
    if how == "per_subject":
        owners: dict[str, list[Series]] = {}
        for number, each in series.items():
            owners.setdefault(recordings[number].subject, []).append(each)
        return {subject: moments_of_series(theirs) for subject, theirs in owners.items()}
    pooled = moments_of_series(list(series.values()))
    if how == "none":
        ones = np.ones_like(pooled.count)
        return Moments(ones, 0 * ones, ones)  # mean 0, spread 1
    return pooled


def _pictures(windows: SpectralWindows, rows: np.ndarray, form: PictureForm) -> Iterator[Tensor]:
    """The pictures of all signals of these windows, a few at once."""
    for part in np.array_split(rows, max(1, len(rows) // AT_ONCE)):
        seen = columns(windows.take(part).flatten(0, 1), form)
        yield from (paint(each, form) for each in torch.split(seen, AT_ONCE))
