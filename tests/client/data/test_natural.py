"""Naturally paired samples: how many, which, and what the others lose."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.data.holdings import holdings_of
from client.data.natural import keep_natural
from client.data.samples import SampleSet
from client.node import Node
from client.store import MemoryStore
from configs.errors import UserError
from configs.load import check
from configs.nodes import modalities_of, node_places


def samples(**present):
    """Rows whose arrays hold row + 1 where a modality is present."""
    n = len(next(iter(present.values())))
    flags = {name: np.array(there, dtype=bool) for name, there in present.items()}
    values = np.arange(1, n + 1, dtype=np.float32)[:, None, None]
    return SampleSet(
        {name: np.where(there[:, None, None], values, np.float32(0)) for name, there in flags.items()},
        flags, np.arange(n), np.array(["1"] * n), np.arange(n),
    )  # fmt: skip


def kept(share, seed=0, **present):
    return keep_natural(samples(**present), ["acc", "gyro"], share, np.random.default_rng(seed))


def test_by_hand_half_keep_the_skeleton_and_the_others_have_zeros_there():
    found = kept(0.5, acc=[1] * 4, gyro=[1] * 4, skeleton=[1] * 4)
    assert found.present["skeleton"].sum() == 2
    assert found.present["acc"].all() and found.present["gyro"].all()
    rows = np.arange(1, 5)
    assert np.array_equal(found.arrays["skeleton"][:, 0, 0], np.where(found.present["skeleton"], rows, 0))
    assert np.array_equal(found.arrays["acc"][:, 0, 0], rows)


def test_without_a_share_and_with_all_of_it():
    assert kept(0.0, acc=[1, 1], gyro=[1, 1], skeleton=[1, 1]).modalities == ("acc", "gyro")  # not held at all
    assert kept(1.0, acc=[1, 1], gyro=[1, 1], skeleton=[1, 1]).present["skeleton"].all()


def test_a_sample_of_nothing_listed_is_no_sample_of_the_group_whatever_the_share():
    for share in (0.0, 0.5, 1.0):
        found = kept(share, acc=[1, 0, 0, 1], gyro=[1, 1, 0, 0], skeleton=[1, 1, 1, 1])
        assert found.label.tolist() == [0, 1, 3]


def test_what_was_not_recorded_is_not_made_up():
    found = kept(1.0, acc=[1, 1], gyro=[1, 0], skeleton=[0, 1])
    assert found.present["skeleton"].tolist() == [False, True] and found.present["gyro"].tolist() == [True, False]


@given(st.integers(0, 30), st.floats(0, 1), st.floats(0, 1), st.integers(0, 9))
def test_the_count_is_the_share_and_a_larger_share_keeps_what_a_smaller_one_kept(count, one, other, seed):
    few, many = sorted([one, other])
    flags = {}
    for share in (few, many):
        found = kept(share, seed, acc=[1] * count, gyro=[1] * count, skeleton=[1] * count)
        flags[share] = found.present.get("skeleton", np.zeros(count, dtype=bool))
        assert flags[share].sum() == round(share * count)
    assert not (flags[few] & ~flags[many]).any()


# --- on the nodes of an experiment ------------------------------------------------------------------------------------


def with_share(experiment, share, group="a"):
    tree = experiment.model_dump(mode="json")
    tree["groups"][group]["natural_share"] = share
    return check(tree)


@pytest.mark.parametrize(("share", "count"), [(0.5, 3), (1 / 3, 2), (1.0, 6)])
def test_a_node_keeps_the_downstream_modality_of_its_share_of_samples(experiment, share, count):
    changed = with_share(experiment, share)
    places = node_places(changed)
    held = holdings_of(changed, places[0], None, 0, None)
    assert {m: int(there.sum()) for m, there in held.samples.present.items()} == {
        "accelerometer": 6, "gyroscope": 6, "ecg": count,
    }  # fmt: skip
    assert set(held.shapes) == set(held.rates_hz) == {"accelerometer", "gyroscope", "ecg"}
    assert set(holdings_of(changed, places[1], None, 0, None).shapes) == {"accelerometer", "ecg"}  # of group b


def test_a_share_too_small_for_one_sample_leaves_the_group_as_it_was(experiment):
    one, other = (holdings_of(e, node_places(e)[0], None, 0, None) for e in (with_share(experiment, 0.05), experiment))
    assert set(one.shapes) == set(other.shapes) and len(one.samples) == len(other.samples)


def test_another_seed_draws_other_samples(experiment):
    changed = with_share(experiment, 0.5)
    drawn = {
        tuple(holdings_of(changed, node_places(changed)[0], None, seed, None).samples.present["ecg"].tolist())
        for seed in range(8)
    }
    assert len(drawn) > 1


def test_an_upper_bound_keeps_everything(experiment):
    changed = with_share(experiment, 0.5)
    assert modalities_of(changed, "a", "fedbind") == ["accelerometer", "gyroscope", "ecg"]
    for method, count in (("fedbind", 3), ("upper_bound", 6)):
        node = Node(changed, node_places(changed)[0], method, 0, None, MemoryStore(), {})
        assert node.holdings.samples.present["ecg"].sum() == count


@pytest.mark.parametrize(
    ("group", "modalities", "told"),
    [
        ("test", ["gyroscope", "ecg"], "groups.test.natural_share: nodes that test hold what is listed"),
        ("a", ["accelerometer", "gyroscope", "ecg"], "all its samples are natural pairs already"),
    ],
)
def test_a_share_that_changes_nothing_is_refused(experiment, group, modalities, told):
    tree = experiment.model_dump(mode="json")
    tree["groups"][group] |= {"natural_share": 0.5, "modalities": modalities}
    with pytest.raises(UserError) as caught:
        check(tree)
    assert told in str(caught.value)
