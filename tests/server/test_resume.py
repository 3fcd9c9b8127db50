"""A job's state on disk and back."""

import numpy as np
import pytest

from protocol.manifest import Manifest, ModalityManifest
from server.binding.bind import Embedded, Pairs
from server.binding.steps import Step
from server.dispatch import Tally
from server.resume import FILE, Progress, forget, keep, kept
from server.state import JobState


@pytest.fixture
def progress():
    sensor = ModalityManifest("points", 2, 6, 10.0, 3, (2, 3))
    whole, real = np.array([5, 2], dtype=np.int64), np.array([0.5, 0.25], dtype=np.float32)
    state = JobState(
        manifests={4: Manifest(4, "a", 3, 0, {"radar": sensor}, ["sit", "座る"], True, "board", 0, "")},
        normalisation={"moments.radar": {"mean": np.zeros(6, np.float32)}},
        blocks={"encoder.radar": {"weight": np.arange(6.0).reshape(2, 3)}, "empty": {"none": np.zeros((0, 3))}},
        embedded={"radar": {4: Embedded("a", whole, np.eye(2, dtype=np.float32))}},
        pairs=Pairs(whole, whole, whole, whole, real, real),
        steps=[Step("a", "b", "radar")],
        handles={4: whole},
        memory={"contrast": {"encoder.radar": {"round": 2, "m": {"weight": np.ones(3)}, "member": {4: 1}}}},
        pairing={"accuracy": 0.5, "classes": ["sit"]},
        result={"accuracy": None, "curve": {"epoch": [1, 2]}},
    )
    skipped = [{"node": 3, "round": 1, "reason": "late"}]
    return Progress(2, state, Tally(up=7, by_phase={"embed": {"up": 7, "down": 0}}, skipped=skipped), 1.5, 1.25)


def same(one, other):
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other)
    if hasattr(one, "__dataclass_fields__"):
        return type(one) is type(other) and all(
            same(getattr(one, n), getattr(other, n)) for n in one.__dataclass_fields__
        )
    if isinstance(one, dict):
        return isinstance(other, dict) and list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


def test_what_is_kept_comes_back_with_every_type_and_number(tmp_path, progress):
    keep(tmp_path / "job", progress)
    assert same(progress, kept(tmp_path / "job"))


def test_the_last_one_counts_and_is_forgotten_when_asked(tmp_path, progress):
    keep(tmp_path, progress)
    keep(tmp_path, Progress(3, JobState(), Tally(), 2.0, 2.0))
    assert kept(tmp_path).done == 3
    forget(tmp_path)
    forget(tmp_path)
    assert kept(tmp_path) is None and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_broken_file_is_told(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read"):
        kept(tmp_path)
