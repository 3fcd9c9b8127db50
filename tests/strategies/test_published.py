"""Published systems: which rule each block goes to, and what nodes are sent."""

import numpy as np

from strategies.modality_wise import Contribution, next_blocks
from strategies.registry import rule_of


def block(value):
    return {"w": np.full(2, value, np.float32)}


CURRENT = {"encoder.acc": block(1), "encoder.ecg": block(1), "head.fusion": block(0)}


def sent():
    """Nodes 0 and 1 move their accelerometer far, 2 and 3 their ECG; losses fall with the number."""
    made = []
    for node in range(4):
        far, near = (9.0 + node, 1.1) if node < 2 else (1.1, 9.0 + node)
        blocks = {"encoder.acc": block(far), "encoder.ecg": block(near), "head.fusion": block(node)}
        made.append(Contribution(node, blocks, 1.0, {"loss": 10.0 - node}))
    return made


def round_of(name, **parameters):
    rule = rule_of(name, parameters)
    outcome = next_blocks(rule, CURRENT, {}, sent())
    assert outcome.refused == {}
    heads = [
        float(
            rule.for_block("head.fusion").sent_to(n, outcome.blocks["head.fusion"], outcome.memory["head.fusion"])["w"][
                0
            ]
        )
        for n in (*range(4), 7)
    ]
    return {name: float(each["w"][0]) for name, each in outcome.blocks.items()}, heads


def test_harmony_averages_encoders_and_clusters_fusion_by_the_bias_of_all_encoders():
    made, heads = round_of("harmony")
    assert np.isclose(made["encoder.acc"], (9 + 10 + 1.1 + 1.1) / 4)
    assert made["head.fusion"] == 1.5 and heads == [0.5, 0.5, 2.5, 2.5, 1.5]


def test_mfedmc_averages_encoders_of_the_lowest_losses_and_leaves_fusion_with_each():
    made, heads = round_of("mfedmc", share=0.5)
    assert np.isclose(made["encoder.acc"], 1.1) and np.isclose(made["encoder.ecg"], 11.5)
    assert heads == [0, 1, 2, 3, 1.5]


def test_blossom_shares_encoders_and_leaves_the_head_with_each():
    made, heads = round_of("blossom")
    assert np.isclose(made["encoder.ecg"], (1.1 + 1.1 + 11 + 12) / 4) and heads == [0, 1, 2, 3, 1.5]


def test_zero_filling_counts_the_nodes_without_a_modality():
    outcome = next_blocks(rule_of("zero_filled"), CURRENT, {}, [*sent()[:2], Contribution(9, {}, 2.0)])
    assert np.isclose(outcome.blocks["encoder.acc"]["w"][0], 1 + 0.5 * (9.5 - 1))
