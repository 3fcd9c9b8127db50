"""Every rule on numbers that can be worked by hand."""

import numpy as np
import pytest

from strategies.registry import rule_of
from strategies.rule import Refused, Reply, apply


def block(*values, dtype=np.float64):
    return {"w": np.array(values, dtype)}


def replies(*values, weights=None, **facts):
    told = [{key: each[at] for key, each in facts.items()} for at in range(len(values))]
    return [
        Reply(block(*np.atleast_1d(value)), 1.0 if weights is None else weights[at], at, told[at])
        for at, value in enumerate(values)
    ]


def after(name, current, sent, memory=None, **parameters):
    made, kept = apply(rule_of(name, parameters), block(*np.atleast_1d(current)), memory or {}, sent)
    return pytest.approx(made["w"].tolist(), rel=1e-6, abs=1e-9), kept


def test_means():
    for name in ("fedavg", "fedprox", "moon", "fedbn", "fedper", "fedrep", "ditto"):
        assert after(name, 9, replies(1, 4, weights=[1, 2]))[0] == [3]


def test_fedavgm_gathers_momentum():
    """Mean 1 from 0, rate 1: update −1 as a gradient. Next round mean 1 from 1: gradient 0, momentum ½·(−1)."""
    first, memory = after("fedavgm", 0, replies(1), momentum=0.5)
    assert first == [1] and memory["momentum"]["w"].tolist() == [-1]
    second, memory = after("fedavgm", 1, replies(1), memory, momentum=0.5)
    assert second == [1.5] and memory["momentum"]["w"].tolist() == [-0.5]


def test_fedadagrad():
    """Update 2: v = 4, step 0.1 · 2 / (2 + 0.001); the next round with the same update: v = 8."""
    first, memory = after("fedadagrad", 0, replies(2))
    assert first == [0.1 * 2 / 2.001]
    second, _ = after("fedadagrad", 0, replies(2), memory)
    assert second == [0.1 * 2 / (8**0.5 + 0.001)]


def test_fedadam():
    """Update 2: m = 0.1·2, v = 0.01·4; Flower corrects for the bias with the round plus one."""
    first, memory = after("fedadam", 0, replies(2))
    rate = 0.1 * (1 - 0.99**2) ** 0.5 / (1 - 0.9**2)
    assert first == [rate * 0.2 / (0.2 + 0.001)]
    assert (
        memory["round"] == 1 and memory["m"]["w"] == pytest.approx([0.2]) and memory["v"]["w"] == pytest.approx([0.04])
    )


def test_fedyogi():
    """Update 2: v = 0 + 0.01·4, since 0 lies below 4; step 0.01 · 0.2 / (0.2 + 0.001)."""
    assert after("fedyogi", 0, replies(2))[0] == [0.01 * 0.2 / 0.201]


def test_qfedavg():
    """q 1, rate 1 (L = 1), from 0: gradients −1 and −3; losses 1 and 2 weigh 1·(−1) + 2·(−3) = −7; the divisor is the sum
    of loss^0·‖gradient‖² + loss: (1 + 1) + (9 + 2) = 13."""
    sent = replies(1, 3, loss=[1.0, 2.0])
    assert after("qfedavg", 0, sent, q=1.0, client_rate=1.0)[0] == [7 / 13]


def test_qfedavg_refuses_a_loss_below_zero():
    with pytest.raises(Refused, match="node 1 told a loss below 0"):
        after("qfedavg", 0, replies(1, 3, loss=[1.0, -2.0]))


def test_fedmedian_and_trimmed_mean():
    sent = replies(1, 2, 3, 10, 100)
    assert after("fedmedian", 0, sent)[0] == [3]
    assert after("fedtrimmedavg", 0, sent)[0] == [5]  # (2 + 3 + 10) / 3


def test_krum_takes_the_one_among_its_neighbours():
    """f 1, n 5: the two nearest of each. 2: 1 + 1; of all others one lies farther."""
    assert after("krum", 0, replies(1, 2, 3, 10, 100))[0] == [2]


def test_multikrum_averages_the_best_by_weight():
    sent = replies(1, 2, 3, 10, 100, weights=[1, 1, 2, 1, 1])
    assert after("multikrum", 0, sent, selected=3)[0] == [(1 + 2 + 2 * 3) / 4]
    assert after("multikrum", 0, sent)[0] == [1.5]  # n − f − 2 = 2 of them: 2 and 1


def test_bulyan():
    """n 7, f 1: Krum keeps five (of 1…5, 50, −50 the last two go), of which the median is 3; the three nearest: 2, 3, 4."""
    assert after("bulyan", 0, replies(1, 2, 3, 4, 5, 50, -50))[0] == [3]


def test_geometric_median_lies_where_the_pulls_cancel():
    """Of three points on a line the middle one; of a square with one corner thrice as heavy, that corner."""
    assert after("geometric_median", 0, replies(0, 1, 5), iterations=200)[0] == [1]
    square = [Reply(block(*at), w, i) for i, (at, w) in enumerate([((0, 0), 3), ((1, 0), 1), ((0, 1), 1), ((1, 1), 1)])]
    made, _ = apply(rule_of("geometric_median", {"iterations": 300}), block(0, 0), {}, square)
    assert made["w"] == pytest.approx([0, 0], abs=1e-2)


def test_centred_clipping():
    """From 1, radius 2: updates 1, −1 and 100 shortened to 2: a third of 1 − 1 + 2."""
    assert after("centred_clipping", 1, replies(2, 0, 101), radius=2.0)[0] == [1 + 2 / 3]


def test_nnm_mixes_before_the_median():
    """n 3, f 1: 0 and 1 are each other's nearest and become 0.5; 10 and 1 become 5.5."""
    assert after("nnm", 0, replies(0, 1, 10))[0] == [0.5]
    assert after("nnm", 0, replies(0, 1, 2, 3, 50), then="krum")[0] == [1.5]


def test_clipping_without_noise():
    """Updates of length 5 and 1, clipped to 1: (3, 4)/5 and (1, 0); the mean of both, whatever they weigh."""
    sent = [Reply(block(3, 4), 100, 0), Reply(block(1, 0), 1, 1)]
    made, memory = apply(rule_of("dp_fixed_clipping", {"noise_multiplier": 0.0}), block(0, 0), {}, sent)
    assert made["w"] == pytest.approx([0.8, 0.4], rel=1e-5) and memory == {"round": 1}


def test_clipping_takes_a_reply_that_did_not_move():
    """Flower's own divides by the length of the update."""
    sent = [Reply(block(2, 0, dtype=np.float32), 1, 0), Reply(block(2, 1, dtype=np.float32), 1, 1)]
    made, _ = apply(rule_of("dp_fixed_clipping", {"noise_multiplier": 0.0}), block(2, 0, dtype=np.float32), {}, sent)
    assert made["w"] == pytest.approx([2, 0.5], abs=1e-5)


def test_the_noise_has_the_told_size_and_repeats_by_its_seed_alone():
    sent, start = [Reply({"w": np.zeros(20_000)}, 1, node) for node in range(4)], {"w": np.zeros(20_000)}
    told = {"noise_multiplier": 2.0, "clipping_norm": 3.0, "noise_seed": 5}
    np.random.seed(1)
    untouched = np.random.get_state()[1].copy()
    one, memory = apply(rule_of("dp_fixed_clipping", told), start, {}, sent)
    assert one["w"].std() == pytest.approx(2.0 * 3.0 / 4, rel=0.03)
    assert (apply(rule_of("dp_fixed_clipping", told), start, {}, sent)[0]["w"] == one["w"]).all()
    assert (apply(rule_of("dp_fixed_clipping", told), start, memory, sent)[0]["w"] != one["w"]).any()
    secret = rule_of("dp_fixed_clipping", {**told, "noise_seed": -1})
    assert (apply(secret, start, {}, sent)[0]["w"] != apply(secret, start, {}, sent)[0]["w"]).any()
    assert (np.random.get_state()[1] == untouched).all()


def test_scaffold():
    """From 10, rate ½: 2 steps to 8 drift by 2 each step and rate, 4 steps to 4 by 3; two of four holders: c = ½ · 2.5."""
    sent = replies(8, 4, steps=[2, 4], rate=[0.5, 0.5], holders=[4, 4])
    made, memory = after("scaffold", 10, sent)
    assert made == [6] and memory["control"]["w"].tolist() == [1.25]
    made, memory = after("scaffold", 10, sent, memory, server_rate=0.5)
    assert made == [8] and memory["control"]["w"] == pytest.approx([1.25 + 0.5 * (2.5 - 1.25)])


def test_fednova():
    """From 0: 1 in one step, 6 in three, shares ½: normalised 1 and 2, mean 1.5, times ½·1 + ½·3 = 2 steps."""
    assert after("fednova", 0, replies(1, 6, steps=[1, 3]))[0] == [3]
    assert after("fednova", 5, replies(1, 4, steps=[2, 2], weights=[1, 2]))[0] == [3]  # alike: FedAvg


def test_feddyn():
    """From 0, mean 3, both of two holders: h/α = −3, so 3 + 3. Next from 6, mean 6: nothing moved, h stays."""
    made, memory = after("feddyn", 0, replies(2, 4))
    assert made == [6] and memory["lean"]["w"].tolist() == [-3]
    made, memory = after("feddyn", 6, replies(6, 6), memory)
    assert made == [9] and memory["lean"]["w"].tolist() == [-3]
    _, memory = after("feddyn", 0, replies(2, 4, holders=[4, 4]))
    assert memory["lean"]["w"].tolist() == [-1.5]


def test_clusters_part_by_bias():
    """Two nodes that moved their gyroscope, two that moved their skeleton: two means, and one for everyone."""
    keys = ["bias.gyroscope", "bias.skeleton"]
    facts = [dict(zip(keys, each, strict=True)) for each in [(1, 0), (0.9, 0), (0, 1), (0, 0.8)]]
    sent = [
        Reply(block(value), 1, node, told) for node, (value, told) in enumerate(zip((1, 3, 10, 20), facts, strict=True))
    ]
    rule = rule_of("modality_bias")
    made, memory = apply(rule, block(0), {}, sent)
    assert made["w"].tolist() == [8.5] and memory["member"] == {0: 0, 1: 0, 2: 1, 3: 1}
    assert [rule.sent_to(node, made, memory)["w"].tolist() for node in (0, 3, 9)] == [[2], [15], [8.5]]


def test_every_modality_s_bias_is_scaled_before_nodes_are_clustered():
    """Unscaled, 100 against 82, 81 and 80 would part node 0 from the others; scaled, the skeleton's 1 and 0 part two and two."""
    told = [(100, 0.001), (82, 0.001), (81, 0.0), (80, 0.0)]
    sent = [Reply(block(n), 1, n, {"bias.g": g, "bias.s": s}) for n, (g, s) in enumerate(told)]
    assert apply(rule_of("modality_bias"), block(0), {}, sent)[1]["member"] == {0: 0, 1: 0, 2: 1, 3: 1}


def test_lowest_loss_takes_a_share_of_the_nodes():
    assert after("lowest_loss", 0, replies(1, 5, 9, loss=[2.0, 1.0, 1.5]))[0] == [7]
    assert after("lowest_loss", 0, replies(1, 5, 9, loss=[2.0, 1.0, 1.5]), share=0.1)[0] == [5]


def test_per_node_gives_each_its_own_back():
    made, memory = after("per_node", 0, replies(2, 4))
    assert made == [3]
    _, memory = after("per_node", 3, [Reply(block(8), 1.0, 1)], memory)
    rule = rule_of("per_node")
    assert [rule.sent_to(node, block(3), memory)["w"].tolist() for node in (0, 1, 2)] == [[2], [8], [3]]


def test_binding_quality():
    """Quality ½ squared: a quarter of the weight."""
    assert after("binding_quality", 0, replies(0, 5, quality=[1.0, 0.5]))[0] == [1]
    with pytest.raises(Refused, match="none of the 2 nodes"):
        after("binding_quality", 0, replies(0, 5, quality=[0.0, 0.0]))


def test_zero_filled_is_held_back_by_those_without():
    """Two holders of weight 1 among nodes of weight 4 in all: half the way from 8 to 4."""
    assert after("zero_filled", 8, replies(3, 5, weight_all=[4, 4]))[0] == [6]
    assert after("zero_filled", 8, replies(3, 5, weight_all=[2, 2]))[0] == [4]


def test_fedbuff_waits_until_the_buffer_is_full():
    """Buffer 3: two updates wait (3 and 5); a third, one move late, began at 6: −6 at 1/√2."""
    made, memory = after("fedbuff", 10, replies(13, 15), buffer=3)
    assert made == [10] and memory["count"] == 2 and memory["waiting"]["w"].tolist() == [8]
    late = [Reply(block(0), 1.0, 7, {"staleness": 1.0}, block(6))]
    made, memory = after("fedbuff", 10, late, memory, buffer=3)
    assert made == [10 + (8 - 6 / 2**0.5) / 3] and memory["count"] == 0 and memory["version"] == 1


@pytest.mark.parametrize(("name", "fact"), [("fednova", "steps"), ("scaffold", "steps"), ("qfedavg", "loss")])
def test_a_rule_that_is_not_told_what_it_needs_refuses(name, fact):
    with pytest.raises(Refused, match=f"did not tell its {fact}"):
        after(name, 0, replies(1, 2))


@pytest.mark.parametrize(
    ("name", "parameters", "least"),
    [("krum", {"faulty": 2}, 7), ("multikrum", {}, 5), ("bulyan", {}, 7), ("bulyan", {"faulty": 2}, 11), ("fedmedian", {}, 3),
     ("geometric_median", {"faulty": 3}, 7), ("centred_clipping", {}, 3), ("nnm", {}, 3), ("fedtrimmedavg", {}, 5)],
)  # fmt: skip
def test_a_robust_rule_refuses_fewer_nodes_than_its_guarantee_needs(name, parameters, least):
    rule = rule_of(name, parameters)
    with pytest.raises(Refused, match=f"needs {least} nodes that hold it, {least - 1} answered"):
        apply(rule, block(0), {}, replies(*range(least - 1)))
    apply(rule, block(0), {}, replies(*range(least)))
