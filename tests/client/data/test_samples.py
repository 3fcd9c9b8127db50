"""Sample sets: rows taken, sets joined, parts that do not fit refused."""

from dataclasses import replace

import numpy as np
import pytest

from client.data.samples import SampleSet, concatenate


def samples(n=3):
    return SampleSet(
        arrays={"acc": np.arange(n * 2, dtype=np.float32).reshape(n, 2, 1), "eda": np.zeros((n, 1, 1), np.float32)},
        present={"acc": np.ones(n, bool), "eda": np.arange(n) == 0},
        label=np.arange(n),
        subject=np.array([str(row) for row in range(n)]),
        recording=np.arange(n),
    )


def test_rows_by_index_and_by_mask():
    taken = samples().take(np.array([2, 0]))
    assert taken.label.tolist() == [2, 0] and taken.subject.tolist() == ["2", "0"]
    assert taken.arrays["acc"][:, 0, 0].tolist() == [4, 0] and taken.present["eda"].tolist() == [False, True]
    assert samples().take(np.array([False, True, False])).label.tolist() == [1]
    assert samples().only(["eda"]).modalities == ("eda",)


def test_joined_sets_keep_their_recordings_apart():
    joined = concatenate([samples(2), samples(0), samples(3)])
    assert len(joined) == 5 and joined.recording.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="different modalities"):
        concatenate([samples(), samples().only(["acc"])])
    with pytest.raises(ValueError, match="nothing"):
        concatenate([])


@pytest.mark.parametrize(
    "change",
    [
        {"label": np.zeros(2, np.int64)},
        {"subject": np.array(["1"])},
        {"present": {"acc": np.ones(3, bool)}},
        {"arrays": {"acc": np.zeros((3, 2), np.float32), "eda": np.zeros((3, 1, 1), np.float32)}},
    ],
)
def test_parts_that_do_not_fit_are_refused(change):
    with pytest.raises(ValueError):
        replace(samples(), **change)
