"""Columns of levels: hand-worked tones first, then the twin by torch.stft, then signals that are hardly any."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.spectral import BINS, LEAD, RECORDS, STRIDE, PictureForm, columns, running, windows_in
from models.spectral.columns import level_of, levels_plainly, spectrum, spectrum_plainly
from models.spectral.shape import TAPER, TRANSFORM

FORMS = [PictureForm(name) for name in ("colour", "magnitude_phase", "single")]
COLOUR = PictureForm("colour")
ZERO_DB = round(60 / 70 * 255)  # the level of 0 dB in a span of -60 to 10


def noise(*shape, seed=0, strength=1.0):
    return strength * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def tone(bin_, amplitude, n=LEAD + 8):
    return amplitude * torch.sin(2 * math.pi * bin_ / TRANSFORM * torch.arange(n, dtype=torch.float64)).float()


def test_what_stands_still_at_one_is_0_db_at_0_hz():
    found = columns(torch.ones(LEAD + 5), COLOUR)
    assert found.shape == (1, BINS, 5) and found.dtype == torch.uint8
    assert (found[0, 0] == ZERO_DB).all()
    assert (found[0, 9:] < 0.6 * ZERO_DB).all()  # a Hann taper of 64 spreads it over 8 bins of 254


@pytest.mark.parametrize(("amplitude", "db"), [(2.0, 0.0), (math.sqrt(2), -3.01), (0.2, -20.0), (0.02, -40.0)])
def test_a_sine_s_level_says_how_strong_it_is(amplitude, db):
    level = columns(tone(40, amplitude), COLOUR)[0, :, 3]
    assert level.argmax() == 40
    assert abs(int(level[40]) - (db + 60) / 70 * 255) <= 0.6


def test_white_noise_of_spread_one_comes_to_minus_16_db_in_every_bin():
    power = spectrum(noise(200, LEAD + RECORDS)).square().sum(dim=-2).mean(dim=(0, 1))  # (BINS,)
    db = 10 * power.log10()
    assert (db[10:-10] + 10 * math.log10(TAPER / 1.5)).abs().max() < 0.5


def test_strength_outside_the_span_is_drawn_as_its_end():
    assert columns(tone(40, 1e4), COLOUR)[0, 40].min() == 255
    assert not columns(tone(40, 1e-6), COLOUR).any()


def test_a_column_looks_back_only():
    records = noise(LEAD + 100)
    changed = records.clone()
    changed[LEAD + 20] += 5.0
    differ = (columns(records, COLOUR) != columns(changed, COLOUR)).any(dim=1)[0].nonzero()[:, 0]
    assert differ.min() >= 20 and differ.max() <= 20 + LEAD and len(differ) > 50


@settings(max_examples=30)
@given(n=st.integers(1, 300), seed=st.integers(0, 2**16), strength=st.sampled_from([1e-3, 1.0, 10.0]))
def test_the_matrix_product_agrees_with_torch_stft(n, seed, strength):
    """Within one level of 256; its parts within 2e-7 of the largest value."""
    records = noise(2, LEAD + n, seed=seed, strength=strength)
    fast, slow = spectrum(records), spectrum_plainly(records)  # (2, n, part, BINS), (2, BINS, n)
    both = torch.stack([slow.real, slow.imag], dim=1).permute(0, 3, 1, 2)
    assert (fast - both).abs().max() <= 2e-7 * max(1.0, float(records.abs().max()))
    wanted = levels_plainly(slow.abs().square(), COLOUR).int()
    assert (columns(records, COLOUR)[:, 0].int() - wanted).abs().max() <= 1


@settings(max_examples=20)
@given(seed=st.integers(0, 2**16), strength=st.sampled_from([1e-3, 1.0, 10.0]))
def test_phase_agrees_with_torch_stft_too(seed, strength):
    """Within two levels of 256: the phase's reach follows the level, which may be off by one itself."""
    form = PictureForm("magnitude_phase")
    records = noise(LEAD + 20, seed=seed, strength=strength)
    slow = spectrum_plainly(records)
    reach = levels_plainly(slow.abs().square(), form) / 255.0
    turned = slow / slow.abs()
    found = columns(records, form).double()
    for plane, part in ((1, turned.real), (2, turned.imag)):
        assert (found[plane] - (127.5 + 127.5 * reach * part)).abs().max() <= 2


@given(st.lists(st.floats(0, 2.0**40, width=32), min_size=1, max_size=50), st.sampled_from(FORMS))
def test_levels_agree_with_the_logarithm_in_double_precision(powers, form):
    power = torch.tensor(powers)
    assert (level_of(power.clone(), form).int() - levels_plainly(power, form).int()).abs().max() <= 1


@settings(max_examples=25)
@given(time=st.integers(0, 400), seed=st.integers(0, 2**16))
def test_windows_of_a_running_recording_are_the_windows_by_themselves(time, seed):
    records = noise(3, time, seed=seed)
    found = windows_in(running(records, COLOUR)) if time else windows_in(torch.zeros(3, 1, BINS, 0, dtype=torch.uint8))
    starts = range(0, time - RECORDS + 1, STRIDE)
    assert found.shape == (len(starts), 3, 1, BINS, RECORDS)
    led = torch.cat([torch.zeros(3, LEAD), records], dim=1)
    for window, start in zip(found, starts, strict=True):
        alone = columns(led[:, start : start + LEAD + RECORDS], COLOUR)
        assert (window.int() - alone.int()).abs().max() <= 1


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@pytest.mark.parametrize(
    ("records", "like"),
    [
        (torch.zeros(LEAD + 9), None),
        (torch.full((LEAD + 9,), math.nan), None),
        (torch.full((LEAD + 9,), math.inf), None),
        (torch.cat([torch.full((30,), math.nan), torch.full((LEAD - 21,), math.nan)]), None),
        (torch.full((LEAD + 9,), -1e30), torch.full((LEAD + 9,), -1e6)),  # no number is taken for larger than this
        (torch.cat([torch.full((40,), math.nan), torch.full((LEAD - 31,), 2.0)]),
         torch.cat([torch.zeros(40), torch.full((LEAD - 31,), 2.0)])),  # zeros before the first record
        (torch.tensor([1.0] + [math.nan] * (LEAD + 8)), torch.ones(LEAD + 9)),  # one record alone: held
        (torch.tensor(([1.0, math.nan] * LEAD)[: LEAD + 9]), torch.ones(LEAD + 9)),
    ],
    ids=["zero", "nan", "infinite", "nan in parts", "huge", "late", "one record", "every other"],
)  # fmt: skip
def test_what_is_hardly_a_signal_has_a_defined_picture(form, records, like):
    found = columns(records, form)
    assert torch.equal(found, columns(torch.zeros(LEAD + 9) if like is None else like, form))
    if like is None:
        assert not found[0].any() and (found[1:] == 128).all()  # silence: no level, no phase


def test_a_clipped_wave_shows_its_odd_harmonics_and_stays_within_the_levels():
    wave = tone(12, 20.0, n=LEAD + 40).clamp(-1, 1)
    level = columns(wave, COLOUR)[0].float().mean(dim=1)
    assert level[12] > level[36] > level[24] and level[60] > level[48]


def test_fewer_records_than_one_column_needs_are_refused():
    with pytest.raises(ValueError, match="needs 64 records, got 63"):
        columns(torch.zeros(2, LEAD), COLOUR)


@pytest.mark.parametrize(
    ("what", "settings"), [("form", {"name": "color"}), ("span", {"low_db": 10.0}), ("span", {"high_db": math.nan})]
)
def test_a_form_that_is_none_is_refused(what, settings):
    with pytest.raises(ValueError, match=what):
        PictureForm(**settings)
