"""Windows as latents: shapes, the common clock, mixing, and every extreme a sensor may bring."""

import math

import pytest
import torch

from configs.unified_settings import UnifiedSettings
from models.blocks import ModalityShape
from models.unified import is_mixed, latent_shape, latents_of, pictures_of, raw_numbers, signal_count, signals_of
from models.unified.signals import mixture
from models.vqvae import Described, build_vqvae

SETTINGS = UnifiedSettings(records=64, bins=16, signals=4, numbers=24)
ACC, HEART = ModalityShape("inertial", 20, 3), ModalityShape("physiological", 7, 1)
BODY = ModalityShape("skeleton", 10, 60, (20, 3))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_vqvae(Described(quantiser="codebook", latent=5)).eval()


def noise(*size, seed=0):
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("shape", "signals"), [(ACC, 3), (HEART, 1), (BODY, 4)])
def test_a_modality_s_latents_have_the_shape_that_the_networks_are_told(model, shape, signals):
    told = latent_shape(shape, SETTINGS, 5)
    raw = raw_numbers(shape, SETTINGS, 5)
    assert raw == signals * 5 * 2 and signal_count(shape, SETTINGS) == signals
    assert told == ModalityShape("latents", 8, min(raw, 24))
    assert latents_of(model, noise(3, shape.frames, shape.channels), shape, SETTINGS).shape == (3, 8, raw)


def test_pictures_and_points_keep_their_own_encoders():
    photo = ModalityShape("image", 1, 48, (4, 4, 3))
    assert latent_shape(photo, SETTINGS, 5) == photo


def test_a_row_of_latents_is_one_column_of_every_signal(model):
    """(column, number): first all of the first signal, within it each number of the encoder over the rows."""
    window = noise(1, 20, 3)
    found = latents_of(model, window, ACC, SETTINGS).float()
    signals = signals_of(window, ACC, SETTINGS)
    with torch.no_grad():
        cells = model.latents(pictures_of(signals[0, 1:2], SETTINGS))  # (1, 5, 2, 8) of the second axis
    torch.testing.assert_close(found[0, :, 10:20], cells[0].permute(2, 0, 1).flatten(1), atol=2e-3, rtol=2e-3)


def test_a_step_is_the_mean_of_its_columns(model):
    window = noise(2, 20, 3)
    columns = latents_of(model, window, ACC, SETTINGS).float()
    steps = latents_of(model, window, ACC, SETTINGS.model_copy(update={"steps": 2})).float()
    torch.testing.assert_close(steps, columns.unflatten(1, (2, 4)).mean(dim=2), atol=4e-3, rtol=4e-3)


def test_the_common_clock_draws_straight_lines_between_frames_and_averages_on_the_way_down():
    line = torch.linspace(-1, 1, 32)[None, :, None]
    up = signals_of(line, ModalityShape("physiological", 32, 1), SETTINGS)[0, 0]
    assert up.shape == (64,) and (up.diff() > -1e-6).all() and up[0] == pytest.approx(-1) and up[-1] == pytest.approx(1)
    trembling = torch.tensor([1.0, -1.0] * 128)[None, :, None]  # above what 64 records can hold
    down = signals_of(trembling, ModalityShape("physiological", 256, 1), SETTINGS)
    assert down.abs().max() < 0.4


def test_many_channels_are_mixed_by_one_rotation_that_keeps_lengths():
    mix = mixture(60, 4)
    torch.testing.assert_close(mix.T @ mix, torch.eye(4), atol=1e-5, rtol=0)
    assert torch.equal(mixture(60, 4), mix) and signals_of(noise(2, 10, 60), BODY, SETTINGS).shape == (2, 4, 64)


def test_many_channels_are_mixed_as_all_agreed_where_they_did(model):
    window, turn = noise(2, 10, 60), noise(1, 60, 4)[0]
    still = UnifiedSettings(records=64, bins=8, signals=60)
    apart = signals_of(window, BODY, still)  # the clock is linear, so that it does not matter what comes first
    mixed = signals_of(window, BODY, SETTINGS, turn)
    torch.testing.assert_close(mixed, torch.einsum("nsr,sk->nkr", apart, turn), atol=1e-4, rtol=1e-4)
    assert not torch.equal(latents_of(model, window, BODY, SETTINGS, turn), latents_of(model, window, BODY, SETTINGS))
    few = noise(2, 20, 3)
    assert torch.equal(
        signals_of(few, ACC, SETTINGS, noise(1, 3, 2)[0]), signals_of(few, ACC, SETTINGS)
    )  # nothing to mix


@pytest.mark.parametrize(
    ("channels", "kind", "mixed"),
    [(4, "inertial", False), (5, "inertial", True), (256, "csi", True), (257, "csi", False), (60, "image", False)],
)
def test_what_is_mixed_by_sums_is_a_signal_of_many_channels_but_not_of_very_many(channels, kind, mixed):
    assert is_mixed(ModalityShape(kind, 8, channels), SETTINGS) == mixed
    assert not is_mixed(ModalityShape(kind, 8, channels), SETTINGS.model_copy(update={"mixture": "drawn"}))


def test_the_norm_of_a_sensor_does_not_know_how_it_is_turned(model):
    settings = SETTINGS.model_copy(update={"axes": "norm"})
    window = noise(2, 20, 3)
    turned = window[:, :, [1, 2, 0]] * torch.tensor([1.0, -1.0, -1.0])
    assert signal_count(ACC, settings) == 1 and signal_count(BODY, settings) == 4
    assert torch.equal(latents_of(model, window, ACC, settings), latents_of(model, turned, ACC, settings))
    assert not torch.equal(latents_of(model, window, ACC, SETTINGS), latents_of(model, turned, ACC, SETTINGS))


def test_which_way_a_thing_moved_is_lost_unless_the_phase_is_drawn(model):
    up = torch.ones(1, 20, 3) * torch.linspace(0, 1, 20)[None, :, None]
    for form, told in (("magnitude_phase", False), ("colour", True)):
        settings = SETTINGS.model_copy(update={"form": form})
        same = torch.equal(latents_of(model, up, ACC, settings), latents_of(model, -up, ACC, settings))
        assert same is told


EXTREMES = {
    "zeros": torch.zeros(2, 20, 3),
    "constant": torch.full((2, 20, 3), 7.5),
    "nothing known": torch.full((2, 20, 3), math.nan),
    "gaps": torch.where(noise(2, 20, 3) > 0, noise(2, 20, 3), math.nan),
    "infinite": torch.full((2, 20, 3), math.inf),
    "beyond any range": noise(2, 20, 3) * 1e30,
    "clipped": noise(2, 20, 3).clamp(-0.01, 0.01).sign(),
    "one frame": noise(2, 1, 3),
    "one sample": noise(1, 20, 3),
    "no sample": noise(0, 20, 3),
}


@pytest.mark.parametrize("latents", ["continuous", "quantised"])
@pytest.mark.parametrize("window", EXTREMES.values(), ids=EXTREMES)
def test_whatever_comes_in_finite_latents_come_out(model, window, latents):
    settings = SETTINGS.model_copy(update={"latents": latents})
    shape = ModalityShape("inertial", window.shape[1], 3)
    found = latents_of(model, window, shape, settings)
    assert found.shape == (len(window), 8, 30) and torch.isfinite(found).all()


def test_nothing_known_reads_as_silence(model):
    silence = latents_of(model, EXTREMES["zeros"], ACC, SETTINGS)
    assert torch.equal(latents_of(model, EXTREMES["nothing known"], ACC, SETTINGS), silence)
    assert not torch.equal(latents_of(model, EXTREMES["constant"], ACC, SETTINGS), silence)


def test_quantised_latents_are_codes(model):
    settings = SETTINGS.model_copy(update={"latents": "quantised"})
    found = (
        latents_of(model, noise(2, 20, 3), ACC, settings).unflatten(2, (3, 5, 2)).permute(0, 1, 2, 4, 3).flatten(0, 3)
    )
    distance = torch.cdist(found.float(), model.quantiser.vectors).min(dim=1).values
    assert distance.max() < 2e-3
