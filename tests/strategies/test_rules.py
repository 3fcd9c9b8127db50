"""What holds for rules of every kind: order, equal replies, duplicates, scales, and the cases with hardly any reply."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.strategy_settings import STRATEGIES
from strategies.arrival import InOrder
from strategies.fedavg import FedAvg, fedavg
from strategies.modality_bias import modality_bias
from strategies.modality_wise import Contribution, next_blocks
from strategies.published import ByPart
from strategies.registry import RULES, rule_of
from strategies.rule import Refused, Reply, apply
from strategies.sums import Differences, Sums

SINGLE = [name for name in RULES if not issubclass(RULES[name], ByPart)]  # the others are put together of these
EVERY = pytest.mark.parametrize("name", SINGLE)
PLAIN = {"noise_seed": 1, "noise_multiplier": 0.0}  # noise has none of these properties
STREAMED = [name for name in SINGLE if rule_of(name).streams]
MEANS = [name for name in STREAMED if name != "qfedavg"]
NEEDED = {"entropy": 0.5, "loss": 1.5, "steps": 4.0, "rate": 0.1, "quality": 0.5, "weight_all": 0.0, "bias.ecg": 0.25}
FIXED = ("fedmedian", "fedtrimmedavg", "krum", "multikrum", "bulyan", "geometric_median", "nnm", "fedavg", "fednova", "moon",
         "fedprox", "fedbn", "fedper", "fedrep", "ditto", "modality_bias", "binding_quality", "zero_filled", "scaffold",
         "lowest_loss", "per_node", "flism", "autofed")  # fmt: skip
UNWEIGHTED = ("fedmedian", "fedtrimmedavg", "krum", "bulyan", "qfedavg", "nnm", "dp_fixed_clipping")


def rule(name):
    return rule_of(name, {key: value for key, value in PLAIN.items() if key in STRATEGIES[name]})


def block(generator):
    return {"w": generator.normal(size=(2, 3)).astype(np.float32), "b": generator.normal(size=2).astype(np.float32)}


@st.composite
def rounds(draw, least=7):
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(least, 9))
    weights = draw(st.lists(st.integers(1, 500), min_size=count, max_size=count))
    sent = [Reply(block(generator), float(w), 3 * node, dict(NEEDED)) for node, w in enumerate(weights)]
    return block(generator), sent


def same(one, other):
    return set(one) == set(other) and all(one[key].tobytes() == other[key].tobytes() for key in one)


def near(one, other, by=2e-5):
    return all(np.allclose(one[key], other[key], rtol=by, atol=by) for key in one)


@EVERY
@given(rounds(), st.randoms(use_true_random=False))
@settings(max_examples=4)
def test_the_order_of_replies_changes_not_one_bit_over_two_rounds(name, drawn, shuffler):
    current, sent = drawn
    mixed = list(sent)
    shuffler.shuffle(mixed)
    one, memory = apply(rule(name), current, {}, sent)
    other, remembered = apply(rule(name), current, {}, mixed)
    assert same(one, other)
    assert same(apply(rule(name), one, memory, mixed)[0], apply(rule(name), other, remembered, sent)[0])


@pytest.mark.parametrize("name", FIXED)
@given(rounds())
@settings(max_examples=4)
def test_equal_replies_come_back_unchanged(name, drawn):
    current, sent = drawn
    alike = [replace(reply, block=sent[0].block) for reply in sent]
    assert near(apply(rule(name), current, {}, alike)[0], sent[0].block, 1e-5)


@EVERY
@given(rounds())
@settings(max_examples=4)
def test_nobody_moved_so_nothing_moves(name, drawn):
    current, sent = drawn
    assert near(apply(rule(name), current, {}, [replace(reply, block=current) for reply in sent])[0], current, 1e-4)


@EVERY
@given(rounds(), st.sampled_from([0.5, 3.0, 1024.0]))
@settings(max_examples=4)
def test_scaling_all_weights_changes_nothing(name, drawn, factor):
    current, sent = drawn
    scaled = [replace(reply, weight=reply.weight * factor) for reply in sent]
    assert near(apply(rule(name), current, {}, sent)[0], apply(rule(name), current, {}, scaled)[0])


@pytest.mark.parametrize("name", [name for name in MEANS if name not in ("fedbuff", "scaffold")])
@given(rounds())
@settings(max_examples=4)
def test_a_duplicate_under_another_id_counts_as_twice_the_weight(name, drawn):
    current, sent = drawn
    twice = [*sent, replace(sent[0], node=100)]
    heavy = [replace(sent[0], weight=2 * sent[0].weight), *sent[1:]]
    assert near(apply(rule(name), current, {}, twice)[0], apply(rule(name), current, {}, heavy)[0])


@pytest.mark.parametrize("name", ["fedmedian", "fedtrimmedavg", "dp_fixed_clipping"])
def test_a_duplicate_under_another_id_counts_as_one_more(name):
    """Five values and one of them again: the median and the trimmed mean move to it."""
    sent = [Reply({"w": np.array([value])}, 1.0, node) for node, value in enumerate((0.0, 1.0, 2.0, 3.0, 9.0))]
    twice = [*sent, Reply({"w": np.array([9.0])}, 1.0, 9)]
    made = rule_of(name, {k: v for k, v in {**PLAIN, "clipping_norm": 100.0}.items() if k in STRATEGIES[name]})
    one, other = (apply(made, {"w": np.zeros(1)}, {}, each)[0]["w"][0] for each in (sent, twice))
    assert other > one


@pytest.mark.parametrize("name", UNWEIGHTED)
@given(rounds())
@settings(max_examples=4)
def test_some_rules_look_at_no_weight(name, drawn):
    current, sent = drawn
    other = [replace(reply, weight=1.0) for reply in sent]
    assert same(apply(rule(name), current, {}, sent)[0], apply(rule(name), current, {}, other)[0])


@EVERY
@given(rounds())
@settings(max_examples=4)
def test_a_reply_of_weight_zero_is_as_if_it_were_not(name, drawn):
    current, sent = drawn
    wild = Reply({key: np.full_like(value, 1e6) for key, value in current.items()}, 0.0, 50, {})
    one, memory = apply(rule(name), current, {}, sent)
    other, remembered = apply(rule(name), current, {}, [wild, *sent])
    assert same(one, other) and str(memory) == str(remembered)


@EVERY
def test_without_a_reply_block_and_memory_stay(name):
    current, memory = {"w": np.ones(3)}, {"round": 4}
    for sent in ([], [Reply({"w": np.zeros(3)}, 0.0, 1)]):
        made, kept = apply(rule(name), current, memory, sent)
        assert made is current and kept is memory


@EVERY
def test_one_reply_is_taken_or_refused_with_a_reason(name):
    """A mean-like rule takes it; a robust one has nothing to compare it with."""
    generator = np.random.default_rng(0)
    current, sent = block(generator), [Reply(block(generator), 3.0, 5, dict(NEEDED))]
    if name in (
        "fedmedian",
        "fedtrimmedavg",
        "krum",
        "multikrum",
        "bulyan",
        "geometric_median",
        "centred_clipping",
        "nnm",
    ):
        with pytest.raises(Refused, match="1 answered"):
            apply(rule(name), current, {}, sent)
    else:
        made, _ = apply(rule(name), current, {}, sent)
        assert all(np.isfinite(value).all() for value in made.values())


@EVERY
@pytest.mark.parametrize("weight", [-1.0, float("nan")])
def test_a_negative_weight_is_an_error(name, weight):
    with pytest.raises(ValueError, match="none may be negative"):
        apply(rule(name), {"w": np.ones(1)}, {}, [Reply({"w": np.ones(1)}, weight)])


@EVERY
@given(rounds())
@settings(max_examples=4)
def test_types_shapes_and_what_was_there_before_are_left_alone(name, drawn):
    current, sent = drawn
    before = {key: value.copy() for key, value in current.items()}
    copies = [{key: value.copy() for key, value in reply.block.items()} for reply in sent]
    made, _ = apply(rule(name), current, {}, sent)
    assert {k: (v.dtype, v.shape) for k, v in made.items()} == {k: (v.dtype, v.shape) for k, v in current.items()}
    assert same(current, before) and all(same(r.block, c) for r, c in zip(sent, copies, strict=True))


@pytest.mark.parametrize("name", STREAMED)
@given(rounds(least=1))
@settings(max_examples=4)
def test_added_as_they_arrive_the_sum_is_the_same_to_single_precision(name, drawn):
    """The slow twin knows the sum of all weights first and adds in double precision."""
    current, sent = drawn
    assert near(apply(rule(name), current, {}, sent)[0], apply(rule(name), current, {}, sent, streamed=True)[0], 3e-5)


@given(rounds(least=1))
@settings(max_examples=30)
def test_fedavg_is_the_plain_function_to_the_bit(drawn):
    current, sent = drawn
    assert same(apply(FedAvg(), current, {}, sent)[0], fedavg([r.block for r in sent], [r.weight for r in sent]))


def test_parameters_are_those_that_a_configuration_knows():
    assert list(RULES) == list(STRATEGIES)
    for name, found in RULES.items():
        told = {key: each.default for key, each in STRATEGIES[name].items()}
        assert {each.name: each.default for each in fields(found)} == told, name
        assert all(each.fault(each.default) is None for each in STRATEGIES[name].values()), name


# --- 4 modalities over 30 nodes -----------------------------------------------------------------------------------------

MODALITIES = ("accelerometer", "gyroscope", "skeleton", "ecg")


def thirty_nodes():
    generator = np.random.default_rng(5)
    current = {f"encoder.{m}": block(generator) for m in MODALITIES}
    sent = []
    for node in range(30):
        held = generator.choice(4, size=1 + node % 3, replace=False)
        blocks = {f"encoder.{MODALITIES[m]}": block(generator) for m in held}
        sent.append(Contribution(node, blocks, float(generator.integers(1, 200)), dict(NEEDED)))
    return current, sent


@EVERY
def test_every_block_equals_the_rule_alone_on_its_holders_over_two_rounds(name):
    current, sent = thirty_nodes()
    assert {len(each.blocks) for each in sent} == {1, 2, 3}
    alone, memories, blocks, memory = dict(current), {}, current, {}
    for _ in range(2):
        bias = {c.partition: modality_bias(c.blocks, blocks) for c in sent}
        outcome = next_blocks(rule(name), blocks, memory, sent)
        assert outcome.refused == {}
        for key in current:
            holders = [
                Reply(c.blocks[key], c.weight, c.partition, {**bias[c.partition], **NEEDED})
                for c in sent
                if key in c.blocks
            ]
            alone[key], memories[key] = apply(rule(name), alone[key], memories.get(key, {}), holders)
        blocks, memory = outcome.blocks, outcome.memory
    assert all(same(blocks[key], alone[key]) for key in current)


def test_a_block_that_is_refused_stays_and_the_others_go_on():
    current, sent = thirty_nodes()
    few = [c for c in sent if "encoder.ecg" not in c.blocks][:12] + [c for c in sent if "encoder.ecg" in c.blocks][:2]
    outcome = next_blocks(rule_of("krum"), current, {}, few)
    assert list(outcome.refused) == ["encoder.ecg"] and "needs 5 nodes" in outcome.refused["encoder.ecg"]
    assert outcome.blocks["encoder.ecg"] is current["encoder.ecg"]
    assert all(not same(outcome.blocks[key], current[key]) for key in current if key != "encoder.ecg")


def test_a_reply_that_a_rule_cannot_use_is_left_out_and_told():
    current, sent = thirty_nodes()
    for name, facts, reason in [
        ("fednova", {"steps": 0.0}, "took 0 steps"), ("scaffold", {"steps": 2.0, "rate": -1.0}, "rate was -1"),
        ("scaffold", {"steps": 2.0}, "did not tell its rate"), ("qfedavg", {"loss": -1.0}, "loss below 0"),
    ]:  # fmt: skip
        broken = replace(sent[0], facts=facts, blocks={"encoder.ecg": current["encoder.ecg"]})
        outcome = next_blocks(rule(name), current, {}, [broken, *sent[1:]])
        without = next_blocks(rule(name), current, {}, sent[1:])
        assert outcome.refused == {} and reason in outcome.left_out["encoder.ecg"][0]
        assert all(same(outcome.blocks[key], without.blocks[key]) for key in current)


# --- sums and arrival -----------------------------------------------------------------------------------------------------


def test_a_streamed_sum_holds_no_reply_and_keeps_double_precision_over_groups():
    like = {"w": np.zeros(3, np.float32), "count": np.zeros((), np.int64), "none": np.zeros((0, 2), np.float32)}
    sums = Sums(like)
    for _ in range(5000):
        sums.add({"w": np.array([0.1, 1e-3, -7], np.float32), "count": np.array(4), "none": like["none"]}, 37.0)
    mean = sums.mean()
    assert np.allclose(mean["w"], [0.1, 1e-3, -7], rtol=3e-7) and mean["count"] == 4 and mean["none"].shape == (0, 2)


@pytest.mark.parametrize("single", [True, False])
def test_differences_of_many_replies_come_out_to_single_precision(single):
    """Forty replies, more than two groups; one began elsewhere, one tensor is no float32 and one is longer than a chunk."""
    generator = np.random.default_rng(0)
    base = {"w": generator.normal(size=200_000).astype(np.float32), "d": generator.normal(size=3)}
    sent = [{n: (v + 0.1 * generator.normal(size=v.shape)).astype(v.dtype) for n, v in base.items()} for _ in range(40)]
    other = {name: value + 1 for name, value in base.items()}
    found = Differences(base, single)
    for at, each in enumerate(sent):
        found.add(each, float(at % 5 + 1), other if at == 7 else None)
    into = {name: np.ones(value.shape) for name, value in base.items()}
    found.pour(into, 0.5)
    for name in base:
        plain = sum(
            (at % 5 + 1) * (each[name].astype(float) - (other if at == 7 else base)[name])
            for at, each in enumerate(sent)
        )
        assert np.allclose(into[name], 1 + 0.5 * plain, atol=1e-4 if single else 1e-10, rtol=0)
    found.pour(into, 1.0)  # it was emptied
    assert np.allclose(into["d"], 1 + 0.5 * sum(
        (at % 5 + 1) * (each["d"] - (other if at == 7 else base)["d"]) for at, each in enumerate(sent)
    ))  # fmt: skip


def test_sums_refuse_another_shape_and_nothing_at_all():
    with pytest.raises(ValueError, match="shape"):
        Sums({"w": np.zeros(3)}).add({"w": np.zeros(2)}, 1.0)
    with pytest.raises(ValueError, match="weight above 0"):
        Sums({"w": np.zeros(3)}).mean()


@given(st.permutations(range(8)), st.sets(st.integers(0, 7)))
def test_replies_come_through_in_the_order_of_nodes(order, missing):
    gate, seen = InOrder(range(8)), []
    for node in order:
        passed = gate.gone(node) if node in missing else gate.take(Reply({}, 1.0, node))
        seen += [reply.node for reply in passed]
    assert seen == [node for node in range(8) if node not in missing]


def test_few_wait_where_replies_are_nearly_in_order():
    gate = InOrder(range(1000))
    for start in range(0, 1000, 4):
        for node in (start + 2, start + 1, start + 3, start):
            list(gate.take(Reply({}, 1.0, node)))
    assert gate.most_held <= 3
    with pytest.raises(ValueError, match="answered before"):
        gate.take(Reply({}, 1.0, 5))
