"""How well the encoder gives back the spectral images of real sensors, modality by modality. It only reports."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from client.data.holdings import check_data, check_settings, read_named
from client.data.normalise import Moments
from client.data.recording import Recording
from client.data.spectral import SpectralWindows, is_signal, spectral_windows
from client.data.spectral.series import Series
from client.data.spectral.windows import RATE_HZ, moments_of_series, series_by_recording
from configs.errors import UserError
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

    def __post_init__(self) -> None:
        if not 0 < self.rate_hz < float("inf"):
            raise UserError(f"the common rate is {self.rate_hz} Hz", where="--rate-hz", expected="a rate above 0 Hz")


def measure_sensors(model: VqVae, experiment: Experiment, settings: SensorSettings, seed: int) -> list[dict[str, Any]]:
    """Fidelity by data set that the experiment reads and by modality, over windows drawn from all people but those of
    `split.test`, who choose nothing here.

    Signals are normalised as `data.normalise` says (`federated` and `per_node` over all these people together).
    A modality that is no signal over time (pictures, point clouds) is left out, and named. Raises UserError for what is
    wrong with the data.
    """
    check_data(experiment)
    return [_measured(model, experiment, path, settings, seed) for path in experiment.data_read]


def _measured(model: VqVae, experiment: Experiment, path: str, settings: SensorSettings, seed: int) -> dict[str, Any]:
    """One data set, under the experiment's names."""
    data = experiment.data_read[path]
    card = check_settings(data, where=path)
    readers = [group for group in experiment.groups if group != "test" and experiment.data_path(group) == path]
    tested = experiment.split["test"] if experiment.data_path("test") == path else []
    people = [each for each in dict.fromkeys(p for g in readers for p in experiment.split[g]) if each not in tested]
    names = [name for name in data.modalities if is_signal(card.modalities[name])]
    found: dict[str, Any] = {
        "data": {"name": data.name, "key": path, "simulated": card.simulated},
        "settings": {**asdict(settings), "normalise": data.normalise},
        "left_out": [name for name in data.modalities if name not in names],
        "modalities": {},
    }
    recordings = read_named(data, people, names, where=path).recordings if names and people else []
    for name in names:
        series = series_by_recording(recordings, name, card.modalities[name], settings.rate_hz, settings.axes)
        if series:
            windows = spectral_windows(recordings, series, _moments(recordings, series, data.normalise))
            present = np.flatnonzero(windows.present)
            generator = np.random.default_rng(derived_seed(seed, "sensors", name))
            rows = np.sort(generator.permutation(present)[: settings.windows])
            if len(rows):
                fidelity = measure(model, _pictures(windows, rows, settings.form))
                found["modalities"][name] = {**asdict(fidelity), "windows": len(rows), "of_windows": len(windows)}
    return found


def _moments(recordings: Sequence[Recording], series: dict[int, Series], how: str) -> Moments | dict[str, Moments]:
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
