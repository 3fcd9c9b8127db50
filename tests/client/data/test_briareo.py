"""Briareo's loader on small files in the layout that its docstring tells."""

import json

import numpy as np
import pytest
from PIL import Image

from client.data.briareo import GESTURES, Briareo
from configs.errors import UserError

ALL = ["joints", "infrared", "depth", "rgb"]


def load(root, **asked):
    asked = {"subjects": ["train-000"], "modalities": ALL, "on_corrupt": "fail", "options": {}, "seed": 0} | asked
    return Briareo().load(root, **asked)


def hand(frame):
    """Places tell the frame: x is frame, y the joint, z 0; then the same in the camera's own box."""

    def place(joint):
        return [frame, joint, 0.0, 0.1, 0.2, 0.3]

    pointables = {
        f"p_{finger}": {
            "tip_position": place(10 + finger),
            "bones": {f"b_{bone}": {"next_joint": place(20 + 4 * finger + bone)} for bone in (3, 1, 0, 2)},
        }
        for finger in range(5)
    }
    return {"frame": {"right_hand": {"wrist_position": place(1), "palm_position": place(2), "pointables": pointables}}}


def write_trial(home, part="train", person="000", gesture="g04", repetition="00", frames=3):
    below = f"{part}/{person}/{gesture}/{repetition}"
    leap, tof, rgb = (home / name / below for name in ("leap_motion", "tof", "rgb"))
    for place in (leap / "L" / "raw", leap / "R" / "raw", leap / "L" / "undistorted", leap / "tracking_data", tof, rgb):
        place.mkdir(parents=True)
    for frame in range(frames):
        grey = np.full((24, 64), 51 * frame, dtype=np.uint8)
        Image.fromarray(grey).save(leap / "L" / "raw" / f"{frame:03d}_rl.png")
        Image.fromarray(grey * 0 + 9).save(leap / "R" / "raw" / f"{frame:03d}_rr.png")
        Image.fromarray(grey * 0 + 9).save(leap / "L" / "undistorted" / f"{frame:03d}_ul.png")
        (leap / "tracking_data" / f"{frame:03d}_jsondata.json").write_text(json.dumps(hand(frame)))
        depth = np.full((48, 64), 0.5 + frame)
        depth[0, 0] = 0.0
        np.savez(tof / f"{frame:03d}_depth.npz", depth)
        Image.fromarray(np.full((48, 64, 3), (255, 0, 51), dtype=np.uint8)).save(rgb / f"{frame:03d}_color.png")
    return leap, tof, rgb


@pytest.fixture
def home(tmp_path):
    write_trial(tmp_path / "Briareo")
    write_trial(tmp_path / "Briareo", gesture="g12_test")
    write_trial(tmp_path / "Briareo", gesture="g12")
    write_trial(tmp_path / "Briareo", part="test", person="032", gesture="g11", repetition="02")
    return tmp_path / "Briareo"


def test_every_camera_is_read(home):
    (recording,) = load(home).recordings  # the long videos of g12_test are left out
    signals = recording.signals
    assert GESTURES[recording.label] == "right swipe" and recording.subject == "train-000"
    assert {name: s.values.shape for name, s in signals.items()} == {
        "joints": (3, 21), "infrared": (3, 768), "depth": (3, 768), "rgb": (3, 2304),
    }  # fmt: skip
    joints = signals["joints"].values.reshape(3, 7, 3)
    assert joints[2].tolist() == [[2, y, 0] for y in (1, 2, 10, 11, 12, 13, 14)]
    np.testing.assert_allclose(signals["infrared"].values[:, 0], [0.0, 0.2, 0.4], atol=1e-6)  # the left eye, raw
    np.testing.assert_allclose(signals["depth"].values, np.repeat([[0.5], [1.5], [2.5]], 768, 1))
    np.testing.assert_allclose(signals["rgb"].values.reshape(3, 24, 32, 3)[1, 5, 5], [1, 0, 0.2], atol=1e-6)


def test_bones_on_request_are_the_wrist_and_four_joints_a_finger_in_order(home):
    joints = load(home, modalities=["joints"], options={"hand": "bones"}).recordings[0].signals["joints"].values
    assert joints.reshape(3, 21, 3)[1, :, 1].tolist() == [1, *range(20, 40)]
    assert Briareo().card_for({"hand": "bones"}, None).modalities["joints"].layout == (21, 3)


def test_parts_and_persons_are_the_subjects(home):
    assert Briareo().subjects(home.parent, {}) == ["test-032", "train-000"]
    (recording,) = load(home, subjects=["test-032"]).recordings
    assert GESTURES[recording.label] == "counter-clockwise rotation"


def test_a_frame_without_a_hand_is_a_gap_and_no_fault(home):
    path = home / "leap_motion/train/000/g04/00/tracking_data/001_jsondata.json"
    path.write_text(json.dumps({"frame": "invalid"}))
    loaded = load(home)
    assert np.isnan(loaded.recordings[0].signals["joints"].values).all(1).tolist() == [False, True, False]
    assert loaded.skipped == []


def test_broken_frames_are_counted(home):
    (home / "leap_motion/train/000/g04/00/tracking_data/001_jsondata.json").write_text("{")
    (home / "leap_motion/train/000/g04/00/tracking_data/002_jsondata.json").write_text('{"frame": {}}')
    np.savez(home / "tof/train/000/g04/00/000_depth.npz", np.ones((2, 3, 4)))
    np.savez(home / "tof/train/000/g04/00/001_depth.npz", np.array([{}], dtype=object))
    loaded = load(home, on_corrupt="skip")
    assert [each.where.rsplit("/", 1)[1] for each in loaded.skipped] == [
        "001_jsondata.json", "002_jsondata.json", "000_depth.npz", "001_depth.npz",
    ]  # fmt: skip
    assert np.isnan(loaded.recordings[0].signals["depth"].values).all(1).tolist() == [True, True, False]
    with pytest.raises(UserError, match=r"001_jsondata\.json"):
        load(home)


def test_a_camera_that_is_not_there_is_an_absent_modality(home):
    (home / "tof").rename(home / "depth")  # another name of the same
    for path in sorted((home / "rgb").rglob("*.png")):
        path.unlink()
    assert list(load(home).recordings[0].signals) == ["joints", "infrared", "depth"]


def test_the_card_follows_the_size(home):
    options = {"height": 6, "width": 8}
    assert [Briareo().card_for(options, None).modalities[name].layout for name in ALL] == [
        (7, 3), (6, 8, 1), (6, 8, 1), (6, 8, 3),
    ]  # fmt: skip
    assert load(home, options=options).recordings[0].signals["rgb"].values.shape == (3, 144)
