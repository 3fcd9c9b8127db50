"""GR4DHCI's loader on small files in the layout on its card, which is this project's own."""

import numpy as np
import pytest
from PIL import Image

from client.data.gr4dhci import Gr4dhci
from configs.errors import UserError

ALL = ["skeleton", "infrared"]


def load(root, **asked):
    asked = {"subjects": ["1"], "modalities": ALL, "on_corrupt": "fail", "options": {}, "seed": 0} | asked
    return Gr4dhci().load(root, **asked)


def write_sample(home, subject, gesture, number, frames=3):
    place = home / f"subject_{subject}" / f"gesture_{gesture}" / f"sample_{number}"
    place.mkdir(parents=True)
    joints = np.arange(frames)[:, None, None] + np.arange(21)[:, None] / 100 + np.zeros(3)
    np.savetxt(place / "skeleton.txt", joints.reshape(frames, 63), fmt="%.4f")
    for frame in range(frames):
        Image.fromarray(np.full((48, 64), min(51 * frame, 255), dtype=np.uint8)).save(place / f"left_{frame}.png")
        Image.fromarray(np.zeros((48, 64), dtype=np.uint8)).save(place / f"right_{frame}.png")
    return place


@pytest.fixture
def home(tmp_path):
    write_sample(tmp_path / "GR4DHCI", 1, 8, 10)
    write_sample(tmp_path / "GR4DHCI", 1, 8, 2, frames=12)
    write_sample(tmp_path / "GR4DHCI", 12, 1, 1)
    return tmp_path / "GR4DHCI"


def test_joints_and_the_left_eye_s_pictures(home):
    long, short = load(home).recordings
    assert long.label == short.label == 7 and Gr4dhci.card.classes[7] == "gesture 8"
    assert {name: s.values.shape for name, s in long.signals.items()} == {"skeleton": (12, 63), "infrared": (12, 768)}
    np.testing.assert_allclose(short.signals["infrared"].values[:, 100], [0, 0.2, 0.4], atol=1e-6)
    assert Gr4dhci().subjects(home.parent, {}) == ["1", "12"]


def test_joints_against_the_wrist(home):
    first, own, none = (
        load(home, options={"center": center}).recordings[1].signals["skeleton"].values
        for center in ("first", "wrist", "none")
    )
    np.testing.assert_allclose(first[2, [0, 62]], [2, 2.2], atol=1e-5)
    np.testing.assert_allclose(own[2, [0, 62]], [0, 0.2], atol=1e-5)
    np.testing.assert_allclose(none[2, [0, 62]], [2, 2.2], atol=1e-5)
    assert first[0, 0] == own[1, 0] == 0


def test_broken_files_and_unknown_gestures_are_counted(home):
    place = home / "subject_1" / "gesture_8" / "sample_10"
    (place / "left_1.png").write_bytes(b"broken")
    (place / "skeleton.txt").write_text("1 2 3\n")
    write_sample(home, 1, 9, 1)
    loaded = load(home, on_corrupt="skip")
    assert np.isnan(loaded.recordings[1].signals["infrared"].values).all(1).tolist() == [False, True, False]
    assert "skeleton" not in loaded.recordings[1].signals
    assert sorted(each.where.rsplit("/", 1)[1] for each in loaded.skipped) == ["left_1.png", "sample_1", "skeleton.txt"]
    with pytest.raises(UserError):
        load(home)


def test_the_card_says_that_the_layout_is_not_the_published_one():
    assert "not the published one" in Gr4dhci.card.tree
    assert Gr4dhci().card_for({"height": 6, "width": 8}, None).modalities["infrared"].layout == (6, 8, 1)
