"""A whole run in which the sensors are pictures, a point cloud, CSI and joints, and one holds a single picture."""

import numpy as np
import pytest

from client.data import catalogue
from client.data.cards import DatasetCard, ModalityCard
from client.data.holdings import _read_once, check_settings, holdings_of
from client.data.recording import Loaded, Recording, Signal
from client.resident import forget_holdings
from configs.errors import UserError
from configs.load import check
from configs.nodes import node_places
from tests.simulation.smallest import whole_run

CARDS = {
    "radar": ModalityCard("points", 20, 10.0, "m", (4, 5)),
    "depth": ModalityCard("depth", 48, 10.0, "m", (6, 8, 1)),
    "csi": ModalityCard("csi", 36, 10.0, "dB", (2, 9, 2)),
    "photo": ModalityCard("image", 75, 1.0, "1", (5, 5, 3)),
    "joints": ModalityCard("skeleton", 15, 10.0, "m", (5, 3)),
    "wrist": ModalityCard("inertial", 3, 10.0, "g"),
}
FRAMES = {"radar": 7, "depth": 6, "csi": 9, "photo": 1, "joints": 8, "wrist": 11}


class Room:
    """Two classes: what moves is near in one and far in the other; radar loses points, and frames now and then."""

    card = DatasetCard("room", "Room", "", "", "", "", True, ("near", "far"), CARDS)

    def card_for(self, options, root):
        return self.card

    def subjects(self, root, options):
        return [str(number) for number in range(1, 7)]

    def load(self, root, *, subjects, modalities, on_corrupt, options, seed):
        recordings = []
        for subject in subjects:
            generator = np.random.default_rng(int(subject))
            for number in range(4):
                signals = {}
                for name in modalities:
                    card = CARDS[name]
                    values = generator.normal(1.0 + number % 2, 0.3, (1 if name == "photo" else 12, card.channels))
                    if name == "radar":
                        clouds = values.reshape(12, 4, 5)
                        clouds[generator.random((12, 4)) < 0.3] = np.nan
                        clouds[5] = np.nan
                    signals[name] = Signal(values.astype(np.float32), card.rate_hz)
                recordings.append(Recording(subject, number % 2, signals, "a trial"))
        return Loaded(recordings, [])


@pytest.fixture
def room(monkeypatch):
    monkeypatch.setitem(catalogue.DATASETS, "room", Room())
    _read_once.cache_clear()
    forget_holdings()
    yield
    _read_once.cache_clear()
    forget_holdings()


def experiment(**changes):
    return check({
        "name": "room", "seeds": [0], "methods": ["fedbind"],
        "data": {"name": "room", "modalities": {name: {"frames": count} for name, count in FRAMES.items()}},
        "split": {"a": [1], "b": [2], "finetune": [3, 4], "test": [5]},
        "groups": {
            "a": {"modalities": ["radar", "depth", "photo"]},
            "b": {"modalities": ["radar", "csi", "joints", "wrist"]},
            "finetune": {"modalities": list(FRAMES)},
            "test": {"modalities": list(FRAMES)},
        },
        "bind": {"by": "radar"},
        "rounds": {"autoencoder": 1, "contrast": 2, "finetune": 1},
        "epochs": {"autoencoder": 1, "contrast": 1, "finetune": 2},
        "models": {"width": 8, "projection": 8, "hidden": 8, "inertial": "inertial2d", "skeleton": "skeleton_graph"},
        "autoencoder": {"latent": 4, "width": 8, "members": 2},
        "evaluation": {"folds": 0},
        "augment": {"point_drop": 0.3},
    } | changes)  # fmt: skip


@pytest.mark.parametrize("normalise", ["federated", "per_node"])
def test_every_kind_of_sensor_goes_through_every_phase(room, tmp_path, normalise):
    asked = experiment()
    asked = asked.model_copy(update={"data": asked.data.model_copy(update={"normalise": normalise})})
    results, summary = whole_run(asked, tmp_path)
    assert summary["nodes"]["skipped"] == [] and np.isfinite(summary["methods"]["fedbind"]["accuracy"]["mean"])
    assert results["fedbind", 0].get("pairing_raw_cosine") is None  # a cloud has no raw cosine


def test_a_single_picture_can_be_what_binds(room, tmp_path):
    asked = experiment(bind={"by": "photo"}, groups={
        "a": {"modalities": ["photo", "depth"]}, "b": {"modalities": ["photo", "radar"]},
        "finetune": {"modalities": ["depth", "radar"]}, "test": {"modalities": ["depth", "radar"]},
    })  # fmt: skip
    results, summary = whole_run(asked, tmp_path)
    assert summary["nodes"]["skipped"] == [] and 0 <= results["fedbind", 0]["pairing_raw_cosine"] <= 1


def test_all_pixels_and_all_points_share_one_mean_and_spread(room):
    held = holdings_of(experiment(), node_places(experiment())[0], None, 0, None)
    assert held.shapes["depth"].layout == (6, 8, 1) and list(held.shapes) == ["radar", "depth", "photo"]
    mean, std = held.normaliser("depth", None, "per_node")
    pixels = held.samples.arrays["depth"]
    assert np.allclose(mean, pixels.mean()) and np.allclose(std, pixels.std())
    clouds = held.samples.arrays["radar"].reshape(-1, 5)
    by_point = held.normaliser("radar", None, "per_node")[0][0, 0].reshape(4, 5)
    assert np.allclose(by_point, np.nanmean(clouds, axis=0), atol=1e-5)
    told = held.moments("radar")
    assert np.isnan(clouds).any() and np.allclose(told.count, np.isfinite(clouds[:, 0]).sum())


def test_one_frame_of_a_sensor_over_time_is_refused(room):
    asked = experiment()
    data = asked.data.model_dump() | {"modalities": {**asked.data.modalities, "wrist": {"frames": 1}}}
    with pytest.raises(UserError, match="one frame of wrist says nothing"):
        check_settings(type(asked.data).model_validate(data))
    check_settings(asked.data)


def test_a_reconstructed_cloud_ends_the_run_with_a_message(room, tmp_path):
    with pytest.raises(UserError, match="no order"):
        whole_run(experiment(autoencoder={"objective": "reconstruction", "latent": 4, "width": 8}), tmp_path)


OTHERS = ["lower_bound", "upper_bound", "unimodal", "mpm", "imagebind", "mim", "dcm"]  # all that make no windows up


def test_the_methods_that_are_compared_take_every_kind_too(room, tmp_path):
    asked = experiment(methods=OTHERS)
    _, summary = whole_run(asked, tmp_path)
    assert summary["nodes"]["skipped"] == []
    assert all(np.isfinite(summary["methods"][method]["accuracy"]["mean"]) for method in OTHERS)


def test_pictures_can_be_generated_and_clouds_cannot(room, tmp_path):
    def generating(*lacking):
        return experiment(methods=["cmg"], bind={"by": "wrist"}, groups={
            "a": {"modalities": ["wrist", "photo", *lacking]}, "b": {"modalities": ["wrist", "csi"]},
            "finetune": {"modalities": ["photo", "csi"]}, "test": {"modalities": ["photo", "csi"]},
        })  # fmt: skip

    _, summary = whole_run(generating("depth"), tmp_path / "pictures")
    assert summary["nodes"]["skipped"] == []
    with pytest.raises(UserError, match="none can be generated"):
        whole_run(generating("radar"), tmp_path / "clouds")
