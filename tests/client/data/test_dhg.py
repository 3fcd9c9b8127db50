"""DHG-14/28's loader on small files in the published layout."""

import numpy as np
import pytest
from PIL import Image

from client.data.dhg import CUTS, FINGERS, GESTURES, Dhg
from configs.errors import UserError

ALL = ["skeleton", "skeleton_image", "depth"]


def load(root, **asked):
    asked = {"subjects": ["1"], "modalities": ALL, "on_corrupt": "fail", "options": {}, "seed": 0} | asked
    return Dhg().load(root, **asked)


def write_trial(home, gesture, finger, subject, essai, frames=5):
    """Joint j, axis a, frame t is t + j / 100 + a / 1000; pixel (row, column) of picture t is 100 · t + 1."""
    place = home / f"gesture_{gesture}" / f"finger_{finger}" / f"subject_{subject}" / f"essai_{essai}"
    place.mkdir(parents=True)
    time = np.arange(frames)[:, None, None]
    joints = time + np.arange(22)[None, :, None] / 100 + np.arange(3)[None, None] / 1000
    np.savetxt(place / "skeleton_world.txt", joints.reshape(frames, 66), fmt="%.6f")
    np.savetxt(place / "skeleton_image.txt", (100 * joints[:, :, :2]).reshape(frames, 44), fmt="%.3f")
    for number in range(1, frames + 1):
        picture = np.full((48, 64), 100 * number + 1, dtype=np.uint16)
        picture[:, :32] = 0  # nothing seen on the left
        Image.fromarray(picture).save(place / f"depth_{number}.png")
    box = np.array([[t * 333_333, 32 + 2 * t, 10, 8, 12] for t in range(frames)])
    np.savetxt(place / "general_information.txt", box, fmt="%d")
    return place


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "DHG2016"
    write_trial(home, 2, 1, 1, 1)
    write_trial(home, 10, 2, 1, 5)
    write_trial(home, 2, 1, 20, 1)
    (home / CUTS).write_text("2 1 1 1 1 3\n10 2 1 5 0 4\n")
    return home


def test_the_gesture_itself_is_cut_out_of_every_modality(home):
    tap, down = load(home).recordings
    assert {name: s.values.shape for name, s in tap.signals.items()} == {
        "skeleton": (3, 66), "skeleton_image": (3, 44), "depth": (3, 768),
    }  # fmt: skip
    assert all(s.rate_hz == 30 for s in tap.signals.values())
    np.testing.assert_allclose(tap.signals["skeleton_image"].values[:, 2], [101, 201, 301])  # frames 1, 2, 3
    assert tap.signals["depth"].values.reshape(3, 24, 32)[:, 0, 31].tolist() == [201, 301, 401]  # depth_2 to depth_4
    assert not tap.signals["depth"].values.reshape(3, 24, 32)[:, :, :16].any()
    assert [GESTURES[each.label] for each in (tap, down)] == ["tap", "swipe down"]
    assert len(down.signals["depth"].values) == 5


def test_the_whole_trial_on_request_and_where_no_cut_is_told(home):
    assert len(load(home, options={"cut": "whole"}).recordings[0].signals["skeleton"].values) == 5
    assert len(load(home, subjects=["20"]).recordings[0].signals["skeleton"].values) == 5
    (home / CUTS).unlink()
    with pytest.raises(UserError, match="set the option cut to whole"):
        load(home)
    assert load(home, options={"cut": "whole"}).recordings


@pytest.mark.parametrize("line", ["2 1 1 1 3 1", "2 1 1 1 3", "2 1 1 one 1 3", "2 1 1 1 -1 3"])
def test_a_cut_in_no_order_is_counted_and_the_trial_taken_whole(home, line):
    (home / CUTS).write_text(line + "\n\n10 2 1 5 0 4\n")
    loaded = load(home, on_corrupt="skip")
    assert len(loaded.skipped) == 1 and f"{CUTS}:1" in loaded.skipped[0].where
    assert len(loaded.recordings[0].signals["skeleton"].values) == 5


def test_joints_are_taken_against_the_first_wrist_by_default(home):
    joints = {
        center: load(home, options={"cut": "whole", "center": center}).recordings[0].signals["skeleton"].values
        for center in ("first", "wrist", "none")
    }
    by_hand = {"first": [0, 0, 0, 0.01], "wrist": [0, 0, 0, 0.01], "none": [0, 0.001, 0.002, 0.01]}
    for center, expected in by_hand.items():
        np.testing.assert_allclose(joints[center][0, :4], expected, atol=1e-6)
    assert [joints[center][4, 0] for center in ("first", "wrist", "none")] == [4, 0, 4]


def test_twenty_eight_classes_tell_finger_and_hand_apart(home):
    card = Dhg().card_for({"classes": "28"}, None)
    assert len(card.classes) == 28 == len(set(card.classes))
    tap, down = load(home, options={"classes": "28"}).recordings
    assert card.classes[tap.label] == f"tap {FINGERS[0]}" and card.classes[down.label] == f"swipe down {FINGERS[1]}"


@pytest.mark.parametrize("spelling", ["general_information.txt", "general_informations.txt"])
def test_the_box_the_hand_stays_within(home, spelling):
    place = home / "gesture_2" / "finger_1" / "subject_1" / "essai_1"
    (place / "general_information.txt").rename(place / spelling)
    for number in range(1, 6):
        picture = np.zeros((48, 64), dtype=np.uint16)
        picture[10:22, 32:48] = 7  # rows 10 to 21; columns 32 to 39 in the first frame, 40 to 47 in the last
        Image.fromarray(picture).save(place / f"depth_{number}.png")
    depth = load(home, modalities=["depth"], options={"region": "hand"}).recordings[0].signals["depth"].values
    assert (depth == 7).all()


def test_without_a_box_the_depth_is_missing_and_counted(home):
    place = home / "gesture_2" / "finger_1" / "subject_1" / "essai_1"
    (place / "general_information.txt").unlink()
    loaded = load(home, options={"region": "hand"}, on_corrupt="skip")
    assert "depth" not in loaded.recordings[0].signals and "where the hand is" in loaded.skipped[0].reason
    np.savetxt(place / "general_information.txt", [[0, -50, 0, 10, 10]], fmt="%d")
    assert "outside the picture" in load(home, options={"region": "hand"}, on_corrupt="skip").skipped[0].reason


def test_broken_files_are_counted_and_broken_pictures_are_gaps(home):
    place = home / "gesture_2" / "finger_1" / "subject_1" / "essai_1"
    (place / "depth_3.png").write_bytes(b"broken")
    (place / "skeleton_world.txt").write_text("1 2 x\n")
    (place / "skeleton_image.txt").write_text("1 2\n3 4\n")
    loaded = load(home, on_corrupt="skip")
    assert list(loaded.recordings[0].signals) == ["depth"]
    assert np.isnan(loaded.recordings[0].signals["depth"].values).all(1).tolist() == [False, True, False]
    assert [each.where.rsplit("/", 1)[1] for each in loaded.skipped] == [
        "skeleton_world.txt",
        "skeleton_image.txt",
        "depth_3.png",
    ]
    with pytest.raises(UserError, match=r"skeleton_world\.txt"):
        load(home)


def test_ten_frames_are_in_the_order_of_their_numbers(home):
    write_trial(home, 1, 1, 2, 1, frames=12)
    depth = load(home, subjects=["2"], modalities=["depth"]).recordings[0].signals["depth"].values
    assert depth[:, 31].tolist() == [100 * number + 1 for number in range(1, 13)]


def test_subjects_by_number_and_only_those_asked_for_are_read(home):
    assert Dhg().subjects(home.parent, {}) == ["1", "20"]
    (home / "gesture_2" / "finger_1" / "subject_20" / "essai_1" / "skeleton_world.txt").write_text("x")
    assert len(load(home).recordings) == 2
