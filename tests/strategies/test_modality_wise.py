"""Any rule over nodes with different sensors: each block as if its holders were alone."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.fedavg import fedavg
from strategies.modality_wise import Contribution, aggregate

MODALITIES = ("accelerometer", "gyroscope", "skeleton", "ecg")


def block(value):
    return {"w": np.full((2, 2), value, np.float32), "b": np.array([value], np.float32)}


def noisy_block(generator):
    return {"w": generator.normal(size=(3, 4)).astype(np.float32), "b": generator.normal(size=5).astype(np.float32)}


@st.composite
def rounds(draw):
    """Three to six nodes with one to three of four modalities each, some of weight 0."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    current = {f"encoder.{modality}": noisy_block(generator) for modality in MODALITIES}
    sent = []
    for partition in range(draw(st.integers(3, 6))):
        held = draw(st.lists(st.sampled_from(MODALITIES), min_size=1, max_size=3, unique=True))
        weight = float(draw(st.integers(0, 500)))
        sent.append(Contribution(partition, {f"encoder.{m}": noisy_block(generator) for m in held}, weight))
    return current, sent


def same(one, other):
    return set(one) == set(other) and all(
        set(one[name]) == set(other[name])
        and all(one[name][k].tobytes() == other[name][k].tobytes() for k in one[name])
        for name in one
    )


def test_each_block_is_the_mean_over_its_own_holders():
    current = {f"encoder.{m}": block(-1) for m in MODALITIES}
    sent = [
        Contribution(0, {"encoder.accelerometer": block(1), "encoder.gyroscope": block(10)}, 10),
        Contribution(1, {"encoder.accelerometer": block(4), "encoder.skeleton": block(7)}, 20),
    ]
    updated = aggregate(current, sent, fedavg)
    assert updated["encoder.accelerometer"]["w"].tolist() == [[3, 3], [3, 3]]
    assert updated["encoder.gyroscope"]["b"].tolist() == [10]
    assert updated["encoder.skeleton"]["b"].tolist() == [7]
    assert updated["encoder.ecg"]["b"].tolist() == [-1]  # nobody holds it


def test_a_contribution_of_weight_zero_is_left_out_even_where_it_is_alone():
    current = {"encoder.ecg": block(5), "encoder.gyroscope": block(5)}
    sent = [
        Contribution(0, {"encoder.ecg": block(9), "encoder.gyroscope": block(9)}, 0),
        Contribution(1, {"encoder.gyroscope": block(2)}, 1),
    ]
    updated = aggregate(current, sent, fedavg)
    assert updated["encoder.ecg"]["b"].tolist() == [5] and updated["encoder.gyroscope"]["b"].tolist() == [2]


def test_without_a_contribution_all_stays():
    current = {"encoder.ecg": block(5)}
    assert same(aggregate(current, [], fedavg), current)


def test_a_block_that_is_not_known_does_not_join():
    assert set(aggregate({"encoder.ecg": block(1)}, [Contribution(0, {"encoder.x": block(2)}, 1)], fedavg)) == {
        "encoder.ecg"
    }


def test_the_rule_sees_the_holders_in_rising_order_with_their_weights():
    seen = []

    def rule(replies, weights):
        seen.append(([float(reply["b"][0]) for reply in replies], list(weights)))
        return replies[0]

    sent = [
        Contribution(2, {"encoder.ecg": block(2)}, 20),
        Contribution(0, {"encoder.ecg": block(0)}, 5),
        Contribution(1, {"encoder.gyroscope": block(1)}, 7),
    ]
    aggregate({"encoder.ecg": block(9), "encoder.gyroscope": block(9)}, sent, rule)
    assert seen == [([0.0, 2.0], [5, 20]), ([1.0], [7])]


@given(rounds())
def test_every_block_equals_the_rule_run_alone_on_its_holders(drawn):
    current, sent = drawn
    updated = aggregate(current, sent, fedavg)
    assert set(updated) == set(current)
    for name in current:
        holders = [each for each in sent if name in each.blocks and each.weight > 0]
        alone = fedavg([e.blocks[name] for e in holders], [e.weight for e in holders]) if holders else current[name]
        assert same({name: updated[name]}, {name: alone})


@given(rounds(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_not_one_bit(drawn, shuffler):
    current, sent = drawn
    shuffled = list(sent)
    shuffler.shuffle(shuffled)
    assert same(aggregate(current, shuffled, fedavg), aggregate(current, sent, fedavg))
    assert same(aggregate(current, sent[::-1], fedavg), aggregate(current, sent, fedavg))


def test_without_sorting_the_order_would_show():
    """The property above is no tautology: FedAvg itself depends on the order in its last bit."""
    generator = np.random.default_rng(0)
    made = [{"w": (generator.normal(size=2000) * 10.0 ** generator.integers(-8, 8, 2000))} for _ in range(7)]
    weights = generator.integers(1, 1000, 7).tolist()
    mixed = list(range(7))
    random.Random(1).shuffle(mixed)
    one, other = fedavg(made, weights), fedavg([made[i] for i in mixed], [weights[i] for i in mixed])
    assert one["w"].tobytes() != other["w"].tobytes()
    sent = [Contribution(i, {"x": made[i]}, weights[i]) for i in range(7)]
    assert same(aggregate({"x": made[0]}, [sent[i] for i in mixed], fedavg), aggregate({"x": made[0]}, sent, fedavg))


@given(rounds())
def test_what_was_there_before_is_not_changed_in_place(drawn):
    current, sent = drawn
    before = {name: {key: value.copy() for key, value in each.items()} for name, each in current.items()}
    aggregate(current, sent, fedavg)
    assert same(current, before)


def test_a_fault_of_the_rule_is_not_swallowed():
    def rule(replies, weights):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        aggregate({"x": block(1)}, [Contribution(0, {"x": block(1)}, 1)], rule)
