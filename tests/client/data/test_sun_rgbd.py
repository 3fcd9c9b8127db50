"""SUN RGB-D's loader on small files in the published layout."""

import numpy as np
import pytest
from PIL import Image

from client.data.sun_rgbd import PARTS, SCENES, SunRgbd
from client.data.windows import whole
from configs.errors import UserError

ALL = ["rgb", "depth"]
SESSION = "000002_2014-05-26_14-23-37_260595134347_rgbf{:06d}-resize"


def load(root, **asked):
    options = {"subject": "sensor", "height": 6, "width": 8}
    asked = {"subjects": ["kv1"], "modalities": ALL, "on_corrupt": "fail", "options": options, "seed": 0} | asked
    asked["options"] = options | asked["options"]
    return SunRgbd().load(root, **asked)


def stored(metres):
    """As in the files: millimetres, their sixteen bits turned by three."""
    millimetres = np.asarray(np.round(np.asarray(metres) * 1000), dtype=np.uint32)
    return ((millimetres << 3 | millimetres >> 13) & 0xFFFF).astype(np.uint16)


def write_scene(home, at, scene, metres=2.0, colour=(255, 51, 0)):
    place = home / at
    for folder in ("image", "depth", "depth_bfx"):
        (place / folder).mkdir(parents=True)
    picture = np.full((48, 64, 3), colour, dtype=np.uint8)
    Image.fromarray(picture).save(place / "image" / "x.jpg", quality=95)
    depth = np.full((48, 64), metres)
    Image.fromarray(stored(depth)).save(place / "depth_bfx" / "x.png")
    depth[:, :32] = 0.0
    Image.fromarray(stored(depth)).save(place / "depth" / "x.png")
    (place / "scene.txt").write_text(scene + "\n")
    return place


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "SUNRGBD"
    write_scene(home, "kv1/NYUdata/NYU0001", "bedroom", 1.234)
    write_scene(home, "kv1/b3dodata/img_0063", "office", 9.5)
    write_scene(home, "kv1/NYUdata/NYU0002", "idk")
    write_scene(home, f"kv2/kinect2data/{SESSION.format(103)}", "lecture_theatre")
    write_scene(home, f"kv2/kinect2data/{SESSION.format(980)}", "lecture_theatre")
    write_scene(home, "realsense/lg/2014_10_21-18_20_10", "kitchen")
    write_scene(home, "xtion/sun3ddata/mit_lab_16/lab_16_nov_2/0000001-000000033369", "lab")
    write_scene(home, "xtion/sun3ddata/mit_lab_16/lab_16_nov_3/0000009-000000033999", "lab")
    write_scene(home, "xtion/xtion_align_data/2014-06-08_18-22-23_260595134347_rgbf000005-resize", "library")
    return home


def test_a_picture_is_one_frame_of_colours_and_of_metres(home):
    bedroom, office = load(home).recordings  # the room that is no class is left out, and no fault
    assert [SCENES[each.label] for each in (bedroom, office)] == ["bedroom", "office"]
    rgb, depth = bedroom.signals["rgb"].values, bedroom.signals["depth"].values
    assert rgb.shape == (1, 6 * 8 * 3) and depth.shape == (1, 48)
    np.testing.assert_allclose(rgb.reshape(6, 8, 3)[3, 3], [1.0, 0.2, 0.0], atol=0.02)
    np.testing.assert_allclose(depth, 1.234, atol=1e-4)
    np.testing.assert_allclose(office.signals["depth"].values, 8.0)  # nothing lies farther than that


def test_depth_as_recorded_has_holes_that_do_not_count(home):
    depth = load(home, options={"depth": "recorded"}).recordings[0].signals["depth"].values.reshape(6, 8)
    assert not depth[:, :4].any()
    np.testing.assert_allclose(depth[:, 4:], 1.234, atol=1e-4)
    coarse = load(home, options={"depth": "recorded", "width": 1, "height": 1}).recordings[0].signals["depth"].values
    np.testing.assert_allclose(coarse, 1.234, atol=1e-4)


def test_what_a_subject_is(home):
    def by(name):
        return SunRgbd().subjects(home.parent, {"subject": name})

    assert by("sensor") == ["kv1", "kv2", "realsense", "xtion"]
    assert by("collection") == [
        "kv1/NYUdata", "kv1/b3dodata", "kv2/kinect2data", "realsense/lg", "xtion/sun3ddata", "xtion/xtion_align_data",
    ]  # fmt: skip
    assert "xtion/sun3ddata/mit_lab_16" in by("place") and "kv1/NYUdata" in by("place")
    assert all(0 < int(name.split("-")[1]) <= PARTS for name in by("part")) and SunRgbd().subjects(home, {}) == by(
        "part"
    )


def test_parts_keep_a_place_and_a_session_together(home):
    parts = SunRgbd().subjects(home, {})
    recordings = load(home, subjects=parts, options={"subject": "part"}).recordings
    assert len(recordings) == 8
    for words in ("mit_lab_16", "kinect2data"):
        assert len({each.subject for each in recordings if words in each.name}) == 1
    many = [f"kv1/NYUdata/NYU{number:04d}" for number in range(100, 140)]
    for at in many:
        (home / at).mkdir()
        (home / at / "scene.txt").write_text("bedroom")
    assert len([name for name in SunRgbd().subjects(home, {}) if name.startswith("kv1")]) > 7


def test_a_segmentation_that_the_user_made_is_read_where_it_lies(home):
    place = home / "kv1/NYUdata/NYU0001/segmentation"
    place.mkdir()
    Image.fromarray(np.full((48, 64, 3), (0, 255, 0), dtype=np.uint8)).save(place / "any.png")
    loaded = load(home, modalities=["rgb", "segmentation"])
    assert [list(each.signals) for each in loaded.recordings] == [["rgb", "segmentation"], ["rgb"]]
    assert loaded.recordings[0].signals["segmentation"].values.reshape(6, 8, 3)[0, 0].tolist() == [0, 1, 0]
    assert loaded.skipped == []


def test_broken_pictures_and_labels_are_told(home):
    place = home / "kv1/NYUdata/NYU0001"
    (place / "image" / "x.jpg").write_bytes(b"broken")
    Image.new("RGB", (4, 4)).save(place / "depth_bfx" / "x.png")
    (home / "kv1/b3dodata/img_0063/scene.txt").write_text("\n")
    loaded = load(home, on_corrupt="skip", subjects=["kv1", "kv2"])
    assert [each.where.rsplit("/", 2)[1] for each in loaded.skipped] == ["image", "depth_bfx", "img_0063"]
    assert {each.subject for each in loaded.recordings} == {"kv2"}
    with pytest.raises(UserError, match=r"x\.jpg"):
        load(home)


def test_a_window_of_one_frame_is_the_picture(home):
    loaded = load(home)
    samples = whole(loaded.recordings, {"rgb": 144, "depth": 48}, 1)
    np.testing.assert_array_equal(samples.arrays["depth"][0], loaded.recordings[0].signals["depth"].values)
    assert samples.present["rgb"].all() and samples.arrays["rgb"].shape == (2, 1, 144)


def test_the_card_follows_the_size(home):
    card = SunRgbd().card_for({"height": 10, "width": 12}, None)
    assert [card.modalities[name].layout for name in ALL] == [(10, 12, 3), (10, 12, 1)]
    assert len(card.classes) == 19 and "home office" in card.classes
