"""The same seed gives the same figures and the same weights, bit by bit, also when replies come in another order."""

import random

import pytest

from server.report.summary import summary_without_times
from tests.simulation.smallest import TWO_NODES_A_GROUP, smallest, whole_run


def told(experiment, path, **options):
    """The summary without times, and every checkpoint's bytes."""
    _, summary = whole_run(experiment, path, **options)
    weights = {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*.safetensors"))}
    return summary_without_times(summary), weights


def shuffled(seed):
    dealer = random.Random(seed)
    return lambda replies: dealer.sample(replies, len(replies))


CASES = {
    "all methods": [],
    "folds, and binding again": ["methods=[fedbind]", "evaluation.folds=2", "contrast.rebind_every=1"],
    "exact": ["methods=[fedbind]", "contrast.mode=exact", "contrast.batch=16"],
}


@pytest.mark.parametrize("overrides", CASES.values(), ids=CASES)
def test_the_same_seed_repeats_itself_also_when_replies_come_in_another_order(tmp_path, overrides):
    experiment = smallest(*TWO_NODES_A_GROUP, *overrides)
    first = told(experiment, tmp_path / "first")
    assert {"encoder.ecg", "head.fusion", "autoencoder.acc"} <= {name.split("/")[-1][:-12] for name in first[1]}
    assert first[0]["methods"]["fedbind"]["accuracy"]["mean"] is not None and first[0]["nodes"]["skipped"] == []
    assert told(experiment, tmp_path / "shuffled", order=shuffled(0)) == first
    if not overrides:
        assert told(experiment, tmp_path / "again") == first


def test_another_seed_gives_other_weights(tmp_path):
    one = told(smallest("methods=[fedbind]"), tmp_path / "one")
    other = told(smallest("methods=[fedbind]", "seeds=[1]"), tmp_path / "other")
    assert {name.replace("seed1", "seed0") for name in other[1]} == set(one[1])
    learnt = {
        name: weights for name, weights in other[1].items() if "moments." not in name
    }  # those are the recordings'
    assert all(one[1][name.replace("seed1", "seed0")] != weights for name, weights in learnt.items())
