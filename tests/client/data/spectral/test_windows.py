"""Windows of 128 records with what came before them."""

import math

import numpy as np
import pytest
import torch

from client.data.cards import ModalityCard
from client.data.normalise import Moments
from client.data.recording import Recording, Signal
from client.data.spectral import spectral_windows
from client.data.spectral.windows import moments_of_series, series_by_recording
from configs.errors import UserError
from models.spectral import LEAD, RECORDS, PictureForm, columns

CARD = ModalityCard("inertial", 3, 32.0, "g")
PLAIN = Moments(np.ones(1), np.zeros(1), np.ones(1))  # mean 0, spread 1
COLOUR = PictureForm("colour")


def recording(values, subject="1", label=0, rate_hz=32.0, name="eda"):
    array = np.asarray(values, dtype=np.float32)
    return Recording(subject, label, {name: Signal(array[:, None] if array.ndim == 1 else array, rate_hz)})


def windows(recordings, moments=PLAIN, rate_hz=32.0, axes="norm", **settings):
    card = ModalityCard("physiological", 1, 32.0, "1")
    return spectral_windows(
        recordings, series_by_recording(recordings, "eda", card, rate_hz, axes), moments, **settings
    )


def test_a_window_every_32_records_with_the_63_before_it():
    held = windows([recording(np.arange(1, 201), "a", 3), recording(np.arange(1, 129), "b", 1)])
    assert held.start.tolist() == [0, 32, 64, 0] and held.present.all()
    assert held.recording.tolist() == [0, 0, 0, 1] and held.label.tolist() == [3, 3, 3, 1]
    assert held.subject.tolist() == ["a", "a", "a", "b"]
    cut = held.take([0, 2])
    assert cut.shape == (2, 1, LEAD + RECORDS)
    assert cut[0, 0].tolist() == [0.0] * 63 + list(range(1, 129))  # nothing came before
    assert cut[1, 0].tolist() == list(range(2, 193))  # records 65 to 192, and the 63 before


def test_a_recording_without_the_modality_is_passed_over_and_none_gives_no_window():
    other = Recording("1", 0, {"acc": Signal(np.zeros((200, 3), np.float32), 32.0)})
    assert windows([other, recording(np.ones(128))]).recording.tolist() == [1]
    none = windows([other])
    assert len(none) == 0 and len(none.take([])) == 0


def test_signals_are_normalised_and_a_missing_record_is_the_mean():
    values = np.full(128, 33.0)
    values[:10] = math.nan
    held = windows([recording(values)], Moments(np.array([2.0]), np.array([60.0]), np.array([1808.0])))  # 30 ± 2
    assert held.take([0])[0, 0].tolist() == [0.0] * 73 + [1.5] * 118


def test_each_subject_may_have_moments_of_their_own():
    both = [recording(np.full(128, 4.0), "a"), recording(np.full(128, 4.0), "b")]
    moments = {"a": PLAIN, "b": Moments(np.ones(1), np.full(1, 4.0), np.full(1, 17.0))}
    assert windows(both, moments).take([0, 1])[:, 0, -1].tolist() == [4.0, 0.0]


def test_a_short_recording_has_one_window_its_last_value_held():
    held = windows([recording(np.arange(1, 101))])
    assert held.take([0])[0, 0, LEAD:].tolist() == [*range(1, 101), *[100] * 28] and held.present.all()


@pytest.mark.parametrize("records", [1, 40, 63])
def test_where_too_little_was_recorded_the_window_is_not_present_and_silent(records):
    held = windows([recording(np.full(records, 9.0))])
    assert held.present.tolist() == [False] and not held.take([0]).any()
    assert windows([recording(np.full(records, 9.0))], max_gap_share=0.995).present.tolist() == [True]
    assert windows([recording(np.full(200, math.nan))]).present.tolist() == [False, False, False]


@pytest.mark.parametrize("values", [np.full(140, 7.0), np.zeros(140), np.ones(1), np.full(140, math.nan)])
def test_a_signal_that_does_not_move_is_silence_once_normalised_by_itself(values):
    card = ModalityCard("physiological", 1, 32.0, "1")
    only = [recording(values)]
    series = series_by_recording(only, "eda", card, 32.0, "norm")
    held = spectral_windows(only, series, moments_of_series(list(series.values())), 0.999)
    assert not columns(held.take([0]), COLOUR).any()


@pytest.mark.parametrize("name", ["colour", "magnitude_phase"])
def test_columns_of_a_whole_recording_are_those_of_its_windows(name):
    """Computed once instead of four times; within one level, two of a phase."""
    form = PictureForm(name)
    generator = np.random.default_rng(0)
    gappy = generator.normal(size=300)
    gappy[60:230] = math.nan
    held = windows([recording(generator.normal(size=260)), recording(gappy), recording(generator.normal(size=70))])
    assert not held.present.all() and held.present.any()
    for source in range(3):
        rows = np.flatnonzero(held.source == source)
        found, wanted = held.columns_of(source, form), columns(held.take(rows), form)
        assert found.shape == wanted.shape
        assert (found.int() - wanted.int()).abs().max() <= (1 if name == "colour" else 2)


def test_several_signals_and_moments_that_add_up():
    generator = np.random.default_rng(0)
    parts = [[recording(generator.normal(3, 2, (n, 3)), name="acc")] for n in (150, 140)]
    series = [series_by_recording(part, "acc", CARD, 32.0, "channels") for part in parts]
    pooled = moments_of_series([series[0][0], series[1][0]])
    added = moments_of_series([series[0][0]]) + moments_of_series([series[1][0]])
    np.testing.assert_allclose(added.mean, pooled.mean, rtol=1e-12)
    np.testing.assert_allclose(added.spread, pooled.spread, rtol=1e-12)
    held = spectral_windows(parts[0], series[0], pooled)
    assert held.take([0]).shape == (1, 3, LEAD + RECORDS) and abs(float(held.take([0])[..., LEAD:].mean())) < 0.3


def test_what_cannot_be_done_is_told():
    with pytest.raises(UserError, match="max_gap_share"):
        windows([recording(np.ones(128))], max_gap_share=2.0)
    with pytest.raises(ValueError, match="no series"):
        moments_of_series([])
    assert torch.is_tensor(windows([]).take([]))
