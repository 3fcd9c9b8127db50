"""Samples of several windows: by hand, and as a property."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from client.data.spectral import SpectralWindows
from simulation.fusion.sequences import sequences_of


def windows(counts, absent=()):
    """So many windows of each recording; recording r is of class r and person Sr."""
    recording = np.repeat(np.arange(len(counts)), counts)
    present = ~np.isin(np.arange(len(recording)), list(absent))
    start = np.concatenate([np.arange(count) * 32 for count in counts]).astype(np.int64)
    who = np.array([f"S{r}" for r in recording], dtype=np.str_)
    return SpectralWindows((), recording, start, present, recording, recording, who)


def test_windows_in_a_row_by_hand():
    found = sequences_of({"pulse": windows([9, 3])}, length=3, step=2, every=3)
    assert found.rows["pulse"].tolist() == [[0, 2, 4], [3, 5, 7], [9, 11, -1]]  # of 9: 0..4, 3..7; of 3: too short
    assert found.label.tolist() == [0, 0, 1] and found.subject.tolist() == ["S0", "S0", "S1"]
    assert found.recording.tolist() == [0, 0, 1]


def test_what_one_modality_lacks_is_absent_and_the_longest_counts():
    both = {"pulse": windows([5], absent=[2]), "heat": windows([3])}
    found = sequences_of(both, length=2, step=1, every=2)
    assert found.rows["pulse"].tolist() == [[0, 1], [-1, 3]]
    assert found.rows["heat"].tolist() == [[0, 1], [2, -1]]


def test_a_recording_without_a_modality_keeps_the_others():
    found = sequences_of({"pulse": windows([0, 2]), "heat": windows([2, 2])}, length=2, step=1, every=2)
    assert found.rows["pulse"].tolist() == [[-1, -1], [0, 1]] and found.rows["heat"].tolist() == [[0, 1], [2, 3]]


@given(
    counts=st.lists(st.integers(1, 20), min_size=1, max_size=4),
    length=st.integers(1, 5), step=st.integers(1, 4), every=st.integers(1, 7),
)  # fmt: skip
def test_no_sample_crosses_a_recording_and_none_that_fits_is_missed(counts, length, step, every):
    given_windows = windows(counts)
    found = sequences_of({"pulse": given_windows}, length, step, every)
    span = (length - 1) * step + 1
    for number, count in enumerate(counts):
        rows = found.rows["pulse"][found.recording == number]
        assert len(rows) == max(1, len(range(0, count - span + 1, every)))
        held = rows[rows >= 0]
        assert (given_windows.recording[held] == number).all() and (rows[:, 0] >= 0).all()
        if count >= span:
            assert (np.diff(rows, axis=1) == step).all() and (rows >= 0).all()
