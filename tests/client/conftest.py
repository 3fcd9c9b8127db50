"""A toy data set with real shapes, and an experiment over it: two classes told apart by the sign of a slow wave."""

import numpy as np
import pytest

from client.data import catalogue
from client.data.cards import DatasetCard, ModalityCard
from client.data.holdings import _read_once
from client.data.recording import Loaded, Recording, Signal
from client.resident import forget_holdings
from configs.load import check

MODALITIES = {
    "accelerometer": ModalityCard("inertial", 3, 16.0, "g"),
    "gyroscope": ModalityCard("inertial", 3, 16.0, "deg/s"),
    "ecg": ModalityCard("physiological", 1, 32.0, "mV"),
}
CLASSES = ("rest", "walk")


class Toy:
    """Six recordings a subject; what `broken` names cannot be read."""

    card = DatasetCard("toy", "Toy", "", "", "", "", True, CLASSES, MODALITIES)

    def __init__(self):
        self.broken = set()

    def card_for(self, options, root):
        return self.card

    def subjects(self, root, options):
        return [str(number) for number in range(1, 10)]

    def load(self, root, *, subjects, modalities, on_corrupt, options, seed):
        from configs.errors import UserError

        recordings = []
        for subject in subjects:
            if subject in self.broken:
                raise UserError("a corrupt file", where=f"/home/someone/secret/S{subject}.mat", todo="look at it")
            generator = np.random.default_rng(int(subject))
            for number in range(6):
                label = number % 2
                signals = {}
                for name in modalities:
                    card = MODALITIES[name]
                    time = np.linspace(0, 2 * np.pi, int(2 * card.rate_hz))[:, None]
                    wave = (1 - 2 * label) * np.sin(time + np.arange(card.channels))
                    noise = generator.normal(0, 0.3, wave.shape)
                    signals[name] = Signal((wave + noise).astype(np.float32), card.rate_hz)
                recordings.append(Recording(subject, label, signals, f"s{subject}-{number}"))
        return Loaded(recordings, [])


@pytest.fixture
def toy(monkeypatch):
    """The data set, known by its name and by nobody after the test."""
    made = Toy()
    monkeypatch.setitem(catalogue.DATASETS, "toy", made)
    _forget()
    yield made
    _forget()


def _forget():
    _read_once.cache_clear()
    forget_holdings()


@pytest.fixture
def experiment(toy):
    return check({
        "name": "toy", "seeds": [0], "methods": ["fedbind"],
        "data": {"name": "toy", "modalities": {name: {"frames": 16} for name in MODALITIES}},
        "split": {"a": [1], "b": [2, 3], "finetune": [4, 5], "test": [6]},
        "groups": {
            "a": {"modalities": ["accelerometer", "gyroscope"]},
            "b": {"modalities": ["accelerometer", "ecg"], "nodes": 2},
            "finetune": {"modalities": ["gyroscope", "ecg"]},
            "test": {"modalities": ["gyroscope", "ecg"]},
        },
        "rounds": {"autoencoder": 1, "contrast": 2, "finetune": 2},
        "epochs": {"autoencoder": 1, "contrast": 1, "finetune": 4},
        "models": {"width": 8, "projection": 8, "hidden": 8},
        "autoencoder": {"latent": 4, "width": 8, "members": 2},
        "finetune": {"probe_epochs": 1},
    })  # fmt: skip
