"""How each kind of sensor is changed, and that absent rows stay absent."""

import pytest
import torch

from client.training.views import View, strength_for
from configs.schema import AugmentSettings
from models.augment import augment

SETTINGS = AugmentSettings()
LAYOUTS = {
    "inertial": (), "physiological": (), "skeleton": (20, 3), "image": (6, 7, 3), "depth": (6, 8, 1),
    "infrared": (6, 5, 2), "points": (6, 5), "csi": (3, 9, 2),
}  # fmt: skip


@pytest.mark.parametrize("kind", LAYOUTS)
def test_every_kind_is_cropped_and_warped_in_time(kind):
    strength = strength_for(kind, SETTINGS, LAYOUTS[kind])
    assert (strength.crop, strength.warp) == (SETTINGS.crop, SETTINGS.warp) and strength.crop > 0 < strength.warp


@pytest.mark.parametrize("kind", ["image", "depth", "infrared", "csi", "physiological"])
def test_no_picture_and_no_spectrum_is_turned_as_if_it_were_axes(kind):
    strength = strength_for(kind, SETTINGS, LAYOUTS[kind])
    assert not (strength.turn_deg or strength.yaw_deg or strength.joint_drop or strength.point_drop)


def test_joints_in_a_picture_are_not_turned_in_space():
    flat = strength_for("skeleton", SETTINGS, (21, 2))  # 42 numbers: triples would fit, and mean nothing
    assert (
        not (flat.turn_deg or flat.yaw_deg or flat.joint_drop) and strength_for("skeleton", SETTINGS, (21, 3)).yaw_deg
    )


def test_a_picture_s_brightness_changes_as_one_and_its_place_by_pixels():
    window = torch.randint(1, 9, (8, 3, 6, 7, 3), generator=torch.Generator().manual_seed(1)).float()
    window[:, :, 3, 3] = 10.0  # the brightest is in the middle and stays in the picture
    still = strength_for("image", SETTINGS.model_copy(update={"crop": 0.0, "warp": 0.0}), (6, 7, 3))
    out = augment(window.flatten(2), still, torch.Generator().manual_seed(0))
    plain = out / (out.amax((1, 2), keepdim=True) / 10.0)
    assert (out.amax((1, 2)) - 10.0).abs().min() > 1e-3
    torch.testing.assert_close(plain, plain.round(), atol=1e-4, rtol=0)
    assert not torch.equal(plain.round(), window.flatten(2))


def test_points_come_and_go_whole_and_turn_only_where_they_have_places():
    assert strength_for("points", SETTINGS, (6, 5)).item == 5 and strength_for("points", SETTINGS, (6, 5)).yaw_deg
    assert strength_for("points", SETTINGS, (6, 2)).yaw_deg == 0
    out = augment(torch.ones(9, 8, 30), strength_for("points", SETTINGS, (6, 5)), torch.Generator().manual_seed(0))
    gone = out.view(9, 8, 6, 5).isnan()
    assert gone.any() and (gone.all(3) == gone.any(3)).all()
    assert strength_for("points", SETTINGS).nearest  # without a layout: time alone


def test_an_absent_row_of_points_is_zero_after_every_change():
    raw = torch.ones(4, 3, 10)
    view = View(raw, torch.zeros(4, 1, 10), torch.ones(4, 1, 10), torch.tensor([True, False, True, False]))
    strength = strength_for("points", SETTINGS.model_copy(update={"point_drop": 1.0}), (2, 5))
    out = view.augmented(strength, 0.0, torch.Generator().manual_seed(0))
    assert out[0].isnan().all() and (out[1] == 0).all()
