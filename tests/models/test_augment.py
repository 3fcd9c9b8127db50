"""Augmentations: by hand where they are exact, and the same for the same seed."""

import math

import pytest
import torch

from models.augment import Strength, augment, resample, rotate_triples, rotations, time_positions

STRONG = Strength(turn_deg=20, yaw_deg=20, scale=0.1, jitter=0.1, crop=0.2, warp=0.3, joint_drop=0.2)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def test_a_quarter_turn_about_z_takes_x_to_y():
    turn = rotations(torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([math.pi / 2]))
    window = torch.tensor([[[1.0, 0.0, 0.0, 0.0, 0.0, 2.0]]])  # two triples
    expected = torch.tensor([[[0.0, 1.0, 0.0, 0.0, 0.0, 2.0]]])
    torch.testing.assert_close(rotate_triples(window, turn), expected, atol=1e-6, rtol=0)


def test_resample_by_hand_and_held_at_the_ends():
    window = torch.tensor([[[0.0], [10.0], [20.0]]])
    position = torch.tensor([[-1.0, 0.5, 5.0]])
    torch.testing.assert_close(resample(window, position), torch.tensor([[[0.0], [5.0], [20.0]]]))


def test_time_runs_forward_inside_the_window():
    position = time_positions(20, 50, crop=0.2, warp=0.4, generator=seeded(0))
    assert (position.diff(dim=1) > 0).all()
    assert position.min() >= 0 and position.max() <= 49 + 1e-4
    plain = time_positions(1, 5, crop=0.0, warp=0.0, generator=seeded(0))
    torch.testing.assert_close(plain, torch.tensor([[0.0, 1.0, 2.0, 3.0, 4.0]]))


def test_rotation_keeps_lengths_and_yaw_keeps_the_vertical():
    window = torch.randn(4, 10, 60, generator=seeded(1))
    lengths = window.view(4, 10, 20, 3).norm(dim=3)
    turned = augment(window, Strength(turn_deg=40), seeded(2))
    torch.testing.assert_close(turned.view(4, 10, 20, 3).norm(dim=3), lengths)
    yawed = augment(window, Strength(yaw_deg=90, up=1), seeded(2))
    torch.testing.assert_close(yawed[:, :, 1::3], window[:, :, 1::3])
    assert not torch.allclose(yawed, window)


def test_a_dropped_joint_stands_still():
    window = torch.randn(3, 10, 6, generator=seeded(1))
    still = augment(window, Strength(joint_drop=1.0), seeded(2))
    torch.testing.assert_close(still, window.mean(dim=1, keepdim=True).expand_as(window))


@pytest.mark.parametrize("channels", [1, 3, 60])
def test_same_seed_same_batch_and_the_input_is_left_alone(channels):
    window = torch.randn(4, 30, channels, generator=seeded(0))
    before = window.clone()
    first, second = augment(window, STRONG, seeded(5)), augment(window, STRONG, seeded(5))
    assert torch.equal(first, second) and torch.equal(window, before)
    assert not torch.equal(first, augment(window, STRONG, seeded(6)))


def test_no_strength_changes_nothing():
    window = torch.randn(4, 30, 3, generator=seeded(0))
    assert torch.equal(augment(window, Strength(), seeded(1)), window)


# --- pictures and clouds ----------------------------------------------------------------------------------------------


def test_a_picture_moves_as_a_whole_and_repeats_its_edge():
    window = torch.arange(2 * 4 * 5 * 2, dtype=torch.float32).view(1, 2, 40).repeat(50, 1, 1)  # 4 × 5 pixels, 2 bands
    moved = augment(window, Strength(shift=0.3, picture=(4, 5, 2)), seeded(3)).view(50, 2, 4, 5, 2)
    before = window.view(50, 2, 4, 5, 2)[0]
    seen = set()
    for picture in moved:
        fits = [
            (down, right)
            for down in (-1, 0, 1)
            for right in (-2, -1, 0, 1, 2)
            if torch.equal(
                picture,
                before[:, (torch.arange(4) + down).clamp(0, 3)][:, :, (torch.arange(5) + right).clamp(0, 4)],
            )
        ]
        assert len(fits) == 1  # both frames and both bands by the same pixels
        seen.add(fits[0])
    assert len(seen) > 6


def test_a_cloud_turns_about_the_vertical_and_what_is_no_place_stays():
    window = torch.randn(4, 6, 20, generator=seeded(1))  # 4 points of x, y, z, speed, strength
    points, turned = window.view(4, 6, 4, 5), augment(window, Strength(yaw_deg=90, item=5), seeded(2)).view(4, 6, 4, 5)
    assert torch.equal(turned[..., 2:], points[..., 2:])
    torch.testing.assert_close(turned[..., :2].norm(dim=3), points[..., :2].norm(dim=3))
    assert (turned[..., :2] - points[..., :2]).abs().max() > 0.1


def test_frames_of_a_cloud_are_picked_and_absent_points_stay_absent():
    window = torch.arange(30, dtype=torch.float32).view(1, 10, 3).repeat(5, 1, 1)
    window[:, 4] = torch.nan
    out = augment(window, Strength(crop=0.3, warp=0.5, nearest=True), seeded(1))
    frames = {tuple(frame.tolist()) for frame in window[0] if not frame.isnan().any()}
    for frame in out.view(-1, 3):
        assert frame.isnan().all() or tuple(frame.tolist()) in frames
    assert not torch.equal(out.nan_to_num(), window.nan_to_num())


def test_points_are_taken_away_whole_and_by_frame():
    window = torch.ones(10, 20, 30)
    out = augment(window, Strength(point_drop=0.25, item=5), seeded(1)).view(10, 20, 6, 5)
    gone = out.isnan()
    assert (gone.all(3) == gone.any(3)).all() and 0.2 < gone.float().mean() < 0.3
    assert (gone.any(3).float().std(1) > 0).any()


def test_a_single_frame_keeps_its_place_in_time():
    window = torch.randn(3, 1, 6, generator=seeded(0))
    assert torch.equal(augment(window, Strength(crop=0.2, warp=0.3), seeded(1)), window)
