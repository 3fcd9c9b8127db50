"""Every family of encoders: shapes at odd sizes, what it refuses, gradients, time, seeds, sizes; then each one's own."""

import inspect
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import models.encoders as encoders
from models.encoders import ENCODERS, FEATURE, STEPS, build_encoder
from models.skeletons import BONES, JOINTS, adjacency

CASES = [  # kind, layout, frames
    ("inertial", (3,), 120), ("physiological", (1,), 256), ("skeleton", (20, 3), 40),
    ("inertial2d", (3,), 120), ("inertial2d", (1,), 5), ("inertial2d", (19,), 33),
    ("skeleton_graph", (20, 3), 40), ("skeleton_graph", (17, 3), 297), ("skeleton_graph", (7, 2), 3),
    ("image", (24, 32, 3), 9), ("image", (7, 5, 1), 2), ("image", (64, 64, 3), 1), ("image", (4, 3, 2), 1),
    ("depth", (24, 32, 1), 40), ("infrared", (31, 17, 2), 13), ("depth", (1, 1, 1), 3),
    ("points", (12, 5), 20), ("points", (1, 3), 3), ("points", (9, 3), 1),
    ("latents", (96,), 48), ("latents", (6,), 2), ("latents", (3,), 9),
    ("csi", (3, 114, 10), 11), ("csi", (2, 30), 50), ("csi", (1, 1), 4), ("csi", (3, 114, 10), 1), ("csi", (1, 5, 2), 3),
]  # fmt: skip
NAMES = [f"{kind}-{layout}-{frames}" for kind, layout, frames in CASES]


def made(kind, layout, frames, seed=0, **sizes):
    torch.manual_seed(seed)
    return build_encoder(kind, math.prod(layout), frames, layout=layout, **sizes)


def window(layout, frames, batch=3, seed=1):
    return torch.randn(batch, frames, math.prod(layout), generator=torch.Generator().manual_seed(seed))


def test_every_family_is_tried_here():
    assert {kind for kind, _, _ in CASES} == set(ENCODERS)


@pytest.mark.parametrize(("kind", "layout", "frames"), CASES, ids=NAMES)
@pytest.mark.parametrize("width", [8, 24, 64])
def test_eight_finite_steps_come_out_at_any_size_and_width(kind, layout, frames, width):
    out = made(kind, layout, frames, width=width)(window(layout, frames))
    assert out.shape == (3, STEPS, FEATURE) and torch.isfinite(out).all()


@pytest.mark.parametrize(("kind", "layout", "frames"), CASES, ids=NAMES)
def test_the_gradient_reaches_every_parameter(kind, layout, frames):
    encoder = made(kind, layout, frames)
    (encoder(window(layout, frames)) * torch.randn(3, STEPS, FEATURE)).sum().backward()
    still = [name for name, p in encoder.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert still == []


@pytest.mark.parametrize(("kind", "layout", "frames"), CASES, ids=NAMES)
def test_small_float_parameters_without_running_statistics_or_buffers(kind, layout, frames):
    encoder = made(kind, layout, frames)
    least = 100 if kind == "latents" else 20_000  # an adapter is small
    assert least < sum(p.numel() for p in encoder.parameters()) < 300_000
    assert set(encoder.state_dict()) == {name for name, _ in encoder.named_parameters()}
    assert not any(isinstance(part, nn.modules.batchnorm._NormBase) for part in encoder.modules())


@pytest.mark.parametrize(("kind", "layout", "frames"), CASES, ids=NAMES)
def test_a_sample_is_encoded_alike_whoever_else_is_in_the_batch(kind, layout, frames):
    encoder, several = made(kind, layout, frames), window(layout, frames)
    torch.testing.assert_close(encoder(several)[1:2], encoder(several[1:2]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("kind", "layout", "frames"), [case for case in CASES if case[2] > 2 and case[0] != "latents"])
def test_the_order_of_time_matters(kind, layout, frames):
    """Reversed time is neither the same nor the same steps read backwards. An adapter leaves that to what follows it."""
    encoder = made(kind, layout, frames)
    louder = window(layout, frames) * torch.linspace(0.1, 2.0, frames)[:, None]
    one, other = encoder(louder), encoder(louder.flip(1))
    assert (one - other).abs().mean() > 0.01 and (one - other.flip(1)).abs().mean() > 0.01


@pytest.mark.parametrize(("kind", "layout", "frames"), CASES, ids=NAMES)
def test_the_same_seed_gives_the_same_encoder(kind, layout, frames):
    first, again, other = (made(kind, layout, frames, seed=seed).state_dict() for seed in (4, 4, 5))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert kind == "latents" or any(not torch.equal(first[name], other[name]) for name in first)


def test_an_adapter_begins_as_the_first_numbers_of_every_step_whatever_the_seed():
    several = window((96,), STEPS)
    for seed in (0, 1):
        torch.testing.assert_close(made("latents", (96,), STEPS, seed)(several), several[:, :, :FEATURE])
    few = window((6,), 48)
    pooled = made("latents", (6,), 48)(few)[:, :, :6]
    torch.testing.assert_close(pooled, few.unflatten(1, (STEPS, 6)).mean(dim=2), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("kind", "layout", "frames"), CASES, ids=NAMES)
@pytest.mark.parametrize("shape", [(0, 1), (1, 0)])
def test_another_number_of_frames_or_channels_is_refused(kind, layout, frames, shape):
    more = torch.zeros(2, frames + shape[0], math.prod(layout) + shape[1])
    with pytest.raises(ValueError, match=rf"expected \(batch, {frames}, {math.prod(layout)}\)"):
        made(kind, layout, frames)(more)


@pytest.mark.parametrize(
    ("kind", "channels", "frames", "layout", "what"),
    [
        ("thermal", 3, 8, (), "unknown kind"),
        ("depth", 12, 8, (), "height, width, bands"),
        ("image", 12, 8, (3, 4), "height, width, bands"),
        ("points", 12, 8, (12,), "points, features"),
        ("csi", 12, 8, (12,), "antennas, subcarriers"),
        ("skeleton_graph", 12, 8, (), "joints"),
        ("depth", 12, 8, (3, 3, 1), "does not make 12"),
        ("skeleton", 12, 8, (3, 3), "does not make 12"),
        ("inertial", 3, 1, (), "at least 2 frames"),
        ("skeleton_graph", 12, 1, (4, 3), "at least 2 frames"),
        ("depth", 12, 0, (3, 4, 1), "at least 1 frames"),
    ],
)
def test_what_cannot_be_built_says_why(kind, channels, frames, layout, what):
    with pytest.raises(ValueError, match=what):
        build_encoder(kind, channels, frames, layout=layout)


def test_no_family_names_a_batch_statistic():
    assert "BatchNorm" not in "".join(
        inspect.getsource(module) for module in vars(encoders).values() if inspect.ismodule(module)
    )


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_the_steps_of_a_single_picture_are_places_row_by_row():
    """A spot in a corner moves its own cell's step most."""
    encoder = made("depth", (64, 128, 1), 1)
    encoder.recurrent = Silent()  # it would carry a spot on to the steps after it
    plain = torch.randn(64, 128, generator=torch.Generator().manual_seed(2))
    for step, (row, column) in {0: (5, 5), 3: (5, 120), 4: (60, 5), 7: (60, 120)}.items():
        spot = plain.clone()
        spot[row - 5 : row + 4, column - 5 : column + 4] = 3.0
        change = (encoder(spot.view(1, 1, -1)) - encoder(plain.view(1, 1, -1))).abs().mean(2)[0]
        assert change.argmax() == step


class Silent(nn.Module):
    """A recurrent layer that says nothing."""

    def forward(self, signal):
        return torch.zeros_like(signal), None


def test_bands_are_the_last_axis_of_a_picture():
    """Two bands with one and the same picture are not a picture of twice the width."""
    encoder = made("image", (6, 8, 2), 4)
    picture = torch.randn(1, 4, 6, 8)
    both = torch.stack([picture, torch.zeros_like(picture)], dim=-1).flatten(2)
    swapped = torch.stack([torch.zeros_like(picture), picture], dim=-1).flatten(2)
    with torch.no_grad():  # blind to the second band
        encoder.convolutions[0].weight[:, 1] = 0.0
    silent = encoder(torch.zeros_like(both))
    torch.testing.assert_close(encoder(swapped), silent)
    assert (encoder(both) - silent).abs().max() > 0.01


# --- points -----------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**16), st.permutations(range(6)))
def test_the_order_of_points_does_not_matter(seed, order):
    encoder, clouds = made("points", (6, 4), 5), window((6, 4), 5, seed=seed)
    mixed = clouds.view(3, 5, 6, 4)[:, :, list(order)].flatten(2)
    torch.testing.assert_close(encoder(mixed), encoder(clouds), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("padding", [0.0, math.nan])
def test_padded_points_are_as_if_they_were_not_there(padding):
    few, clouds = made("points", (3, 4), 5), window((3, 4), 5)
    many = made("points", (7, 4), 5)
    many.load_state_dict(few.state_dict())
    padded = torch.full((3, 5, 7, 4), padding)
    padded[:, :, 2:5] = clouds.view(3, 5, 3, 4)
    torch.testing.assert_close(many(padded.flatten(2)), few(clouds), atol=1e-5, rtol=1e-4)


def test_frames_without_a_point_and_points_with_a_gap_leave_no_nan_in_gradients():
    encoder = made("points", (4, 3), 6)
    clouds = window((4, 3), 6)
    clouds[0] = math.nan
    clouds[1, 2] = math.nan
    clouds[2, :, 4] = math.inf
    out = encoder(clouds)
    out.square().sum().backward()
    assert torch.isfinite(out).all()
    assert all(torch.isfinite(p.grad).all() for p in encoder.parameters())


# --- joints and axes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "joints"), [("kinect20", 20), ("body17", 17), ("hand21", 21), ("hand22", 22)])
def test_a_named_skeleton_is_one_tree_over_all_its_joints(name, joints):
    bones = BONES[name]
    assert JOINTS[name] == joints and len(bones) == joints - 1 == len({tuple(sorted(bone)) for bone in bones})
    reached = {0}
    for _ in bones:
        reached |= {joint for bone in bones if reached & set(bone) for joint in bone}
    assert reached == set(range(joints))


def test_adjacency_by_hand():
    hand = adjacency(21)
    assert hand[0].nonzero().flatten().tolist() == [0, 1, 5, 9, 13, 17] and hand[0, 5] == pytest.approx(1 / 6)
    assert hand[4].nonzero().flatten().tolist() == [3, 4]  # the thumb's tip
    assert torch.equal(adjacency(6), torch.eye(6))
    assert torch.allclose(adjacency(20).sum(1), torch.ones(20))


def test_a_joint_is_felt_where_the_graph_leads():
    """With the mean of all joints switched off, one layer carries the head's movement to its neighbour alone."""
    encoder = made("skeleton_graph", (20, 3), 8)
    with torch.no_grad():
        encoder.graphs[1] = 0.0
    still = torch.zeros(1, 6, 8, 20)
    moving = still.clone()
    moving[:, :, :, 0] = 1.0
    gathered = [encoder.first.gather(torch.einsum("bctj,gij->bgcti", each, encoder.graphs).flatten(1, 2))
                for each in (still, moving)]  # fmt: skip
    felt = (gathered[1] - gathered[0]).abs().sum((0, 1, 2)).nonzero().flatten().tolist()
    assert felt == [0, 1]


def test_axes_share_kernels_in_the_plane_form():
    """MMBind's form has fewer inputs to its first kernel than the channels: widening the sensor adds no parameter there."""
    three, five = made("inertial2d", (3,), 40), made("inertial2d", (5,), 40)
    assert three.convolutions[0].weight.shape == five.convolutions[0].weight.shape
