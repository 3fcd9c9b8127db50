"""UTD-MHAD's loader on small files in the published layout."""

import numpy as np
import pytest
from scipy.io import savemat

from client.data.utd_mhad import ACTIONS, HIP_CENTER, UtdMhad
from configs.errors import UserError

ALL = ["accelerometer", "gyroscope", "skeleton"]


def load(root, **asked):
    asked = {"subjects": ["1"], "modalities": ALL, "on_corrupt": "fail", "options": {}, "seed": 0} | asked
    return UtdMhad().load(root, **asked)


def write_trial(home, action, subject, trial, *, records=13, frames=5, inertial=None, skeleton=None):
    stem = f"a{action}_s{subject}_t{trial}"
    for folder in ("Inertial", "Skeleton"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    if inertial is None:
        inertial = np.arange(records * 6, dtype=float).reshape(records, 6)
    if skeleton is None:
        skeleton = np.arange(20 * 3 * frames, dtype=float).reshape(20, 3, frames)
    savemat(home / "Inertial" / f"{stem}_inertial.mat", {"d_iner": inertial})
    savemat(home / "Skeleton" / f"{stem}_skeleton.mat", {"d_skel": skeleton})


@pytest.fixture
def home(tmp_path):
    write_trial(tmp_path / "UTD-MHAD", 3, 1, 1)
    write_trial(tmp_path / "UTD-MHAD", 1, 1, 2)
    write_trial(tmp_path / "UTD-MHAD", 27, 10, 4)
    return tmp_path / "UTD-MHAD"


def test_signals_are_split_as_published_and_keep_their_own_lengths_and_rates(home):
    recording = load(home, options={"center": "none"}).recordings[0]
    signals = recording.signals
    assert signals["accelerometer"].values[1].tolist() == [6, 7, 8]
    assert signals["gyroscope"].values[1].tolist() == [9, 10, 11]
    assert [signals[each].values.shape for each in ALL] == [(13, 3), (13, 3), (5, 60)]
    assert [signals[each].rate_hz for each in ALL] == [50, 50, 30]
    # joint j, axis a, frame t was written as (j * 3 + a) * 5 + t
    assert signals["skeleton"].values[2, 7 * 3 + 1] == (7 * 3 + 1) * 5 + 2


def test_the_hip_centre_is_subtracted_frame_by_frame_unless_told_otherwise(home):
    centred = load(home).recordings[0].signals["skeleton"].values.reshape(5, 20, 3)
    plain = load(home, options={"center": "none"}).recordings[0].signals["skeleton"].values.reshape(5, 20, 3)
    assert not centred[:, HIP_CENTER].any()
    np.testing.assert_array_equal(centred, plain - plain[:, HIP_CENTER : HIP_CENTER + 1])


def test_labels_and_order_come_from_the_file_names(home):
    recordings = load(home, subjects=["1", "10"]).recordings
    assert [(each.subject, ACTIONS[each.label]) for each in recordings] == [
        ("1", "swipe left"),
        ("1", "wave"),
        ("10", "squat"),
    ]
    assert len(ACTIONS) == 27
    assert UtdMhad().subjects(home.parent, {}) == ["1", "10"]  # the parent folder does as well


def test_a_trial_without_one_sensor_lacks_that_modality_and_nothing_is_skipped(home):
    (home / "Skeleton" / "a1_s1_t2_skeleton.mat").unlink()
    loaded = load(home)
    assert list(loaded.recordings[0].signals) == ["accelerometer", "gyroscope"]
    assert loaded.skipped == []
    assert len(load(home, modalities=["skeleton"]).recordings) == 1


def test_only_the_subjects_asked_for_are_read(home):
    (home / "Inertial" / "a27_s10_t4_inertial.mat").write_bytes(b"broken")
    assert len(load(home, subjects=["1"]).recordings) == 2
    (home / "Inertial" / "a3_s1_t1_inertial.mat").write_bytes(b"broken")
    assert len(load(home, subjects=["1"], modalities=["skeleton"]).recordings) == 2


def test_a_corrupt_file_is_named_and_counted_or_an_error(home):
    path = home / "Inertial" / "a3_s1_t1_inertial.mat"
    path.write_bytes(path.read_bytes()[:150])
    loaded = load(home, on_corrupt="skip")
    assert [each.where for each in loaded.skipped] == [str(path)]
    assert [list(each.signals) for each in loaded.recordings] == [ALL, ["skeleton"]]
    with pytest.raises(UserError, match=r"cannot be read as \.mat") as raised:
        load(home)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("inertial", "reason"),
    [
        (np.zeros((13, 5)), "shape"),
        (np.zeros((0, 6)), "empty"),
        (np.array(["words"]), "no real numbers"),
    ],
)
def test_a_file_with_the_wrong_content_is_told_once(home, inertial, reason):
    write_trial(home, 3, 1, 1, inertial=inertial)
    skipped = load(home, on_corrupt="skip").skipped
    assert len(skipped) == 1 and reason in skipped[0].reason


def test_a_file_without_its_variable_or_with_another_skeleton_is_told(home):
    savemat(home / "Inertial" / "a3_s1_t1_inertial.mat", {"something": np.zeros((3, 6))})
    write_trial(home, 1, 1, 2, skeleton=np.zeros((25, 3, 4)))
    reasons = [each.reason for each in load(home, on_corrupt="skip").skipped]
    assert any("holds no d_iner" in reason for reason in reasons)
    assert any("(20, 3, time)" in reason for reason in reasons)


def test_nan_and_infinity_become_gaps(home):
    inertial = np.ones((4, 6))
    inertial[1, 0], inertial[2, 1] = np.nan, np.inf
    write_trial(home, 3, 1, 1, inertial=inertial)
    values = load(home).recordings[1].signals["accelerometer"].values
    assert np.isnan(values).tolist() == [[False] * 3, [True, False, False], [False, True, False], [False] * 3]


def test_a_single_skeleton_frame_is_one_frame(home):
    write_trial(home, 3, 1, 1, skeleton=np.zeros((20, 3)))
    assert load(home).recordings[1].signals["skeleton"].values.shape == (1, 60)


def test_an_action_that_does_not_exist_is_told(home):
    write_trial(home, 28, 1, 1)
    assert "no action 28" in load(home, on_corrupt="skip").skipped[0].reason


def test_nothing_readable_at_all_is_an_error_even_when_skipping(home):
    for path in home.glob("*/*_s1_*"):
        path.write_bytes(b"broken")
    with pytest.raises(UserError, match="no recording could be read"):
        load(home, on_corrupt="skip")


def test_a_wrong_policy_is_refused(home):
    with pytest.raises(UserError, match="on_corrupt"):
        load(home, on_corrupt="ignore")


def test_folders_without_a_published_file_name_are_the_wrong_folder(tmp_path):
    (tmp_path / "Inertial").mkdir()
    (tmp_path / "Inertial" / "notes.mat").write_bytes(b"")
    with pytest.raises(UserError, match="hold no file by a published name"):
        UtdMhad().subjects(tmp_path, {})


# --- depth ------------------------------------------------------------------------------------------------------------


def write_depth(home, action, subject, trial, pictures):
    (home / "Depth").mkdir(parents=True, exist_ok=True)
    savemat(home / "Depth" / f"a{action}_s{subject}_t{trial}_depth.mat", {"d_depth": pictures})


def test_depth_pictures_are_made_small_and_unseen_pixels_do_not_count(home):
    pictures = np.zeros((240, 320, 3), dtype=np.uint16)  # as published: rows, columns, time
    pictures[:10, :10, 0] = 800  # the corner cell of 24 × 32
    pictures[:10, 10:20, 1] = 900
    pictures[10, 0, 2] = 700  # one pixel seen in its cell
    write_depth(home, 3, 1, 1, pictures)
    depth = load(home, modalities=["depth"]).recordings[0].signals["depth"]
    assert depth.values.shape == (3, 768) and depth.rate_hz == 30
    assert [depth.values[t].nonzero()[0].tolist() for t in range(3)] == [[0], [1], [32]]
    assert [depth.values[t].max() for t in range(3)] == [800, 900, 700]


def test_the_options_choose_the_size_and_the_card_says_it(home):
    write_depth(home, 3, 1, 1, np.ones((240, 320, 2)))
    options = {"height": 6, "width": 8}
    assert load(home, modalities=["depth"], options=options).recordings[0].signals["depth"].values.shape == (2, 48)
    card = UtdMhad().card_for(options, None).modalities["depth"]
    assert (card.kind, card.channels, card.layout) == ("depth", 48, (6, 8, 1))
    with pytest.raises(UserError, match="out of range"):
        UtdMhad().card_for({"height": 0}, None)


def test_depth_of_another_shape_is_told_and_one_picture_is_one_frame(home):
    write_depth(home, 3, 1, 1, np.ones((2, 2, 2, 2)))
    assert "d_depth has shape" in load(home, modalities=[*ALL, "depth"], on_corrupt="skip").skipped[0].reason
    write_depth(home, 3, 1, 1, np.ones((240, 320)))
    assert load(home, modalities=["depth"]).recordings[0].signals["depth"].values.shape == (1, 768)


def test_depth_alone_is_the_data_set_too(tmp_path):
    write_depth(tmp_path, 5, 2, 1, np.ones((24, 32, 4)))
    assert UtdMhad().subjects(tmp_path, {}) == ["2"]
