"""MM-Fi's loader on small files in the published layout."""

import re

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from client.data.mmfi import ACTIVITIES, SOURCES, MmFi, activities_of, csi_frame
from client.data.windows import whole
from configs.errors import UserError

ALL = ["skeleton", *SOURCES]


def load(root, **asked):
    asked = {"subjects": ["E01-S01"], "modalities": ALL, "on_corrupt": "fail", "options": {}, "seed": 0} | asked
    return MmFi().load(root, **asked)


def amplitudes(seed=0):
    return np.random.default_rng(seed).normal(40, 2, (3, 114, 10))


def write_activity(place, frames=4):
    """Every published file of one activity: frame t is told by its values."""
    for folder in ("depth", "infra1", "infra2", "rgb", "lidar", "mmwave", "wifi-csi"):
        (place / folder).mkdir(parents=True)
    np.save(place / "ground_truth.npy", np.arange(frames * 51, dtype=np.float64).reshape(frames, 17, 3))
    for number in range(1, frames + 1):
        stem = f"frame{number:03d}"
        Image.fromarray(np.full((48, 64), 1000 * number, dtype=np.uint16)).save(place / "depth" / f"{stem}.png")
        for folder in ("infra1", "infra2", "rgb"):
            np.save(place / folder / f"{stem}.npy", np.full((17, 2), float(number)))
        lidar = np.arange(number * 3, dtype=np.float64).reshape(number, 3)
        (place / "lidar" / f"{stem}.bin").write_bytes(lidar.tobytes())
        radar = np.full((2, 5), float(number))
        (place / "mmwave" / f"{stem}.bin").write_bytes(radar.tobytes())
        savemat(place / "wifi-csi" / f"{stem}.mat", {"CSIamp": amplitudes(number)})


@pytest.fixture
def home(tmp_path):
    write_activity(tmp_path / "E01" / "S01" / "A02")
    write_activity(tmp_path / "E01" / "S01" / "A27", frames=2)
    write_activity(tmp_path / "E04" / "S31" / "A01", frames=2)
    return tmp_path


def test_every_modality_is_read_as_published(home):
    (recording, bowing) = load(home).recordings
    signals = recording.signals
    assert list(signals) == ALL and ACTIVITIES[bowing.label] == "bowing" and recording.label == 1
    assert {name: s.values.shape for name, s in signals.items()} == {
        "skeleton": (4, 51), "depth": (4, 768), "lidar": (4, 192), "radar": (4, 160), "wifi_csi": (4, 3420),
        "rgb_joints": (4, 34), "infra1_joints": (4, 34), "infra2_joints": (4, 34),
    }  # fmt: skip
    assert all(s.rate_hz == 10 for s in signals.values())
    assert signals["skeleton"].values[1, 5] == 51 + 5
    np.testing.assert_allclose(signals["depth"].values[:, 7], [1, 2, 3, 4])  # metres
    np.testing.assert_allclose(signals["wifi_csi"].values[2].reshape(3, 114, 10), amplitudes(3), rtol=1e-6)
    lidar = signals["lidar"].values.reshape(4, 64, 3)
    assert lidar[2, :3].tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]] and np.isnan(lidar[2, 3:]).all()
    assert np.isfinite(signals["radar"].values.reshape(4, 32, 5)).all(2).sum(1).tolist() == [2, 2, 2, 2]


def test_subjects_are_named_with_their_environment(home):
    assert MmFi().subjects(home, {}) == ["E01-S01", "E04-S31"]
    (recording,) = load(home, subjects=["E04-S31"]).recordings
    assert recording.subject == "E04-S31"
    (home / "MMFi_Dataset").mkdir()
    for room in ("E01", "E04"):
        (home / room).rename(home / "MMFi_Dataset" / room)
    assert MmFi().subjects(home, {}) == ["E01-S01", "E04-S31"]


def test_daily_and_rehabilitation_activities_share_all_between_them():
    assert len(activities_of("daily")) == 14 and len(activities_of("rehabilitation")) == 13
    assert sorted(activities_of("daily") + activities_of("rehabilitation")) == list(range(1, 28))


def test_the_chosen_activities_are_the_classes(home):
    card = MmFi().card_for({"activities": "daily"}, None)
    assert len(card.classes) == 14
    recordings = load(home, options={"activities": "daily"}).recordings
    assert [card.classes[each.label] for each in recordings] == ["horizontal chest expansion", "bowing"]
    (other,) = load(home, subjects=["E04-S31"], options={"activities": "rehabilitation"}).recordings
    assert other.label == 0


def test_missing_empty_and_broken_frames_are_gaps_at_their_place_in_time(home):
    place = home / "E01" / "S01" / "A02"
    (place / "depth" / "frame002.png").unlink()
    (place / "mmwave" / "frame003.bin").write_bytes(b"")  # as published where nothing was detected
    (place / "wifi-csi" / "frame001.mat").write_bytes(b"broken")
    loaded = load(home, on_corrupt="skip")
    signals = loaded.recordings[0].signals
    gaps = {name: np.isnan(signals[name].values).all(1).tolist() for name in ("depth", "radar", "wifi_csi")}
    assert gaps == {
        "depth": [False, True, False, False],
        "radar": [False, False, True, False],
        "wifi_csi": [True, False, False, False],
    }
    assert [each.where for each in loaded.skipped] == [str(place / "wifi-csi" / "frame001.mat")]
    with pytest.raises(UserError, match=r"frame001\.mat"):
        load(home)


def test_a_modality_without_a_readable_frame_is_absent(home):
    place = home / "E01" / "S01" / "A02"
    for path in (place / "depth").iterdir():
        path.write_bytes(b"")
    for path in (place / "rgb").iterdir():
        path.unlink()
    (place / "ground_truth.npy").write_bytes(b"broken")
    loaded = load(home, on_corrupt="skip")
    assert [name for name in ALL if name not in loaded.recordings[0].signals] == ["skeleton", "depth", "rgb_joints"]
    assert len(loaded.skipped) == 1


def test_values_that_are_no_numbers_become_their_packets_mean(tmp_path):
    amplitude = np.ones((3, 114, 10)) * np.arange(10)
    amplitude[0, 0, 4] = -np.inf
    amplitude[1, 5, 4] = np.nan
    amplitude[:, :, 7] = np.nan
    savemat(tmp_path / "a.mat", {"CSIamp": amplitude})
    read = csi_frame(tmp_path / "a.mat", (3, 114, 10))
    assert (read[:, :, 4] == 4).all() and np.allclose(read[:, :, 7], (45 - 7) / 9, atol=0.01)
    savemat(tmp_path / "b.mat", {"CSIamp": amplitude * np.nan})
    assert np.isnan(csi_frame(tmp_path / "b.mat", (3, 114, 10))).all()


def test_too_many_points_radar_keeps_the_strongest_and_lidar_every_so_many(home):
    place = home / "E01" / "S01" / "A02"
    radar = np.arange(50, dtype=np.float64).reshape(10, 5)
    radar[:, 4] = [3, 9, 1, 8, 2, 7, 0, 6, 5, 4]
    (place / "mmwave" / "frame001.bin").write_bytes(radar.tobytes())
    lidar = np.arange(27, dtype=np.float64).reshape(9, 3)
    (place / "lidar" / "frame001.bin").write_bytes(lidar.tobytes())
    options = {"radar_points": 3, "lidar_points": 3}
    signals = load(home, options=options).recordings[0].signals
    assert signals["radar"].values[0].reshape(3, 5)[:, 4].tolist() == [9, 8, 7]
    assert signals["lidar"].values[0].reshape(3, 3)[:, 0].tolist() == [0, 12, 24]
    assert MmFi().card_for(options, None).modalities["radar"].layout == (3, 5)


def test_every_second_frame_at_half_the_rate(home):
    signals = load(home, options={"every": 2}).recordings[0].signals
    assert {s.rate_hz for s in signals.values()} == {5.0}
    assert signals["depth"].values[:, 0].tolist() == [1, 3] and signals["skeleton"].values[:, 0].tolist() == [0, 102]


@pytest.mark.parametrize(
    ("path", "write", "reason"),
    [
        ("wifi-csi/frame001.mat", lambda p: savemat(p, {"CSIamp": np.ones((3, 114))}), r"\(3, 114\)"),
        ("wifi-csi/frame001.mat", lambda p: savemat(p, {"x": np.ones(3)}), "KeyError"),
        ("mmwave/frame001.bin", lambda p: p.write_bytes(np.ones(7).tobytes()), "reshape"),
        ("rgb/frame001.npy", lambda p: np.save(p, np.ones((16, 2))), r"\(16, 2\)"),
        ("rgb/frame001.npy", lambda p: np.save(p, np.array([{}], dtype=object), allow_pickle=True), "allow_pickle"),
        ("depth/frame001.png", lambda p: Image.new("RGB", (4, 4)).save(p), "3 bands"),
        ("ground_truth.npy", lambda p: np.save(p, np.ones((5, 16, 3))), "shape"),
    ],
)
def test_content_of_another_form_is_told_once(home, path, write, reason):
    write(home / "E01" / "S01" / "A02" / path)
    (skipped,) = load(home, on_corrupt="skip").skipped
    assert re.search(reason, skipped.reason)


def test_windows_of_clouds_are_frames_as_recorded(home):
    loaded = load(home, modalities=["radar", "depth"])
    samples = whole(loaded.recordings, {"radar": 160, "depth": 768}, {"radar": 3, "depth": 3}, nearest=["radar"])
    assert samples.arrays["radar"][0].reshape(3, 32, 5)[:, 0, 0].tolist() == [1, 3, 4]
    assert all(there.all() for there in samples.present.values())
