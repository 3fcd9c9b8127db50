"""Gaps, colours, and signals that come in little by little."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.spectral import BINS, RECORDS, PictureForm, SpectralStream, columns, filled, paint, running, windows_in
from models.spectral.paint import colours

NAN = math.nan


def test_a_gap_holds_the_last_value_and_before_the_first_stands_zero():
    records = torch.tensor([[NAN, 1, NAN, NAN, 3], [NAN, NAN, math.inf, -math.inf, NAN]])
    assert filled(records).tolist() == [[0, 1, 1, 1, 3], [0, 0, 0, 0, 0]]
    assert filled(records, before=torch.tensor([7.0, -2.0])).tolist() == [[7, 1, 1, 1, 3], [-2, -2, -2, -2, -2]]
    assert filled(torch.tensor([2e6, NAN])).tolist() == [1e6, 1e6]
    assert filled(torch.zeros(2, 0)).shape == (2, 0)


@given(st.lists(st.one_of(st.floats(-100, 100, width=32), st.just(NAN)), max_size=30), st.floats(-5, 5, width=32))
def test_filling_is_going_through_the_records_one_by_one(values, before):
    last, wanted = before, []
    for value in values:
        last = last if math.isnan(value) else value
        wanted.append(last)
    assert filled(torch.tensor(values), before=torch.tensor(before)).tolist() == wanted


# --- paint ------------------------------------------------------------------------------------------------------------


def test_every_level_has_a_colour_of_its_own_and_brightness_rises():
    table = colours()
    assert table.shape == (256, 3) and table.min() >= 0 and table.max() <= 1
    assert len({tuple(row) for row in (table * 255).round().int().tolist()}) == 256
    brightness = table @ torch.tensor([0.2126, 0.7152, 0.0722])
    assert (brightness.diff() > 0).all() and brightness[0] == 0 and brightness[-1] == pytest.approx(1)


def test_the_three_forms_of_three_pixels():
    level = torch.tensor([[[[0, 51, 255]]]], dtype=torch.uint8)  # (batch, plane, height, width)
    single = paint(level, PictureForm("single"))
    torch.testing.assert_close(single, torch.tensor([0, 0.2, 1]).expand(1, 3, 1, 3))
    colour = paint(level, PictureForm("colour"))
    torch.testing.assert_close(colour[0, :, 0].T, colours()[[0, 51, 255]])
    planes = torch.tensor([[[[0, 255]], [[128, 0]], [[128, 255]]]], dtype=torch.uint8)
    torch.testing.assert_close(paint(planes, PictureForm("magnitude_phase")), planes / 255.0)


@pytest.mark.parametrize("name", ["colour", "magnitude_phase", "single"])
def test_a_window_s_picture_is_3_by_128_by_128_between_0_and_1(name):
    form = PictureForm(name)
    seen = columns(torch.randn(4, 63 + RECORDS, generator=torch.Generator().manual_seed(0)), form)
    assert seen.shape == (4, form.planes, BINS, RECORDS)
    picture = paint(seen, form)
    assert picture.shape == (4, 3, 128, 128) and picture.min() >= 0 and picture.max() <= 1


@pytest.mark.parametrize(
    "wrong", [torch.zeros(1, 1, 2, 2), torch.zeros(1, 3, 2, 2).byte(), torch.zeros(1, 2, 2).byte()]
)
def test_what_are_no_columns_is_not_painted(wrong):
    with pytest.raises(ValueError, match="uint8"):
        paint(wrong, PictureForm("colour"))


# --- stream -----------------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(
    time=st.integers(0, 330),
    cuts=st.lists(st.integers(0, 330), max_size=8),
    gaps=st.lists(st.integers(0, 329), max_size=40),
    name=st.sampled_from(["colour", "magnitude_phase"]),
)
def test_however_records_come_in_the_pictures_are_the_recording_s(time, cuts, gaps, name):
    """Within one level (two of a phase): products of another size round differently."""
    form = PictureForm(name)
    records = torch.randn(2, time, generator=torch.Generator().manual_seed(time))
    records[0, [gap for gap in gaps if gap < time]] = NAN
    stream, came = SpectralStream(2, form), []
    edges = sorted({0, time, *(cut for cut in cuts if cut < time)})
    for start, stop in pairwise(edges):
        came.append(stream.push(records[:, start:stop]))
    found = torch.cat(came) if came else stream.push(records)
    wanted = windows_in(running(records, form)) if time else found
    assert found.shape == wanted.shape
    if len(wanted):
        assert (found.int() - wanted.int()).abs().max() <= (2 if name == "magnitude_phase" else 1)


def test_only_new_columns_are_computed(monkeypatch):
    computed = []

    def counted(records, form):
        out = columns(records, form)
        computed.append(out.shape[-1])
        return out

    monkeypatch.setattr("models.spectral.stream.columns", counted)
    stream = SpectralStream(1)
    windows = [len(stream.push(torch.randn(1, n))) for n in (128, 32, 0, 31, 1)]
    assert windows == [1, 1, 0, 0, 1] and computed == [128, 32, 31, 1]


def test_what_was_given_out_does_not_change_afterwards():
    stream = SpectralStream(1)
    first = stream.push(torch.randn(1, 128))
    before = first.clone()
    stream.push(torch.randn(1, 300))
    assert torch.equal(first, before)


@pytest.mark.parametrize("shape", [(3, 5), (2,), (2, 5, 1)])
def test_records_of_other_signals_are_refused(shape):
    with pytest.raises(ValueError, match="expected"):
        SpectralStream(2).push(torch.zeros(shape))
