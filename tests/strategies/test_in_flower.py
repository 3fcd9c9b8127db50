"""The strategy in a ServerApp that knows nothing of fedbind, over nodes that hold different sensors."""

import json

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp

from simulation.local import LocalGrid
from strategies.in_flower import ModalityWise, blocks_of
from strategies.registry import rule_of

HOLDS = {0: ["acc"], 1: ["acc", "ecg"], 2: ["acc", "ecg"], 3: ["acc"], 4: ["acc", "eda"]}
WEIGHT = {0: 1, 1: 2, 2: 3, 3: 4, 4: 0}


def client_app(seen):
    app = ClientApp()

    @app.train()
    def train(message, context):
        me = context.node_config["partition-id"]
        seen.append((message.content["config"]["server-round"], me, message.content["config"].get("correction")))
        if me in context.node_config.get("broken", ()):
            raise RuntimeError("no battery")
        given = message.content["arrays"]
        moved = {
            name: Array(array.numpy() + np.float32(me + 1 if me != 3 else context.node_config.get("three", 4)))
            for name, array in given.items()
            if name.split("/")[0].partition(".")[2] in HOLDS[me]
        }
        told = MetricRecord({"num-examples": WEIGHT[me], "loss": float(me), "steps": 2})
        return Message(RecordDict({"arrays": ArrayRecord(moved), "metrics": told}), reply_to=message)

    @app.evaluate()
    def evaluate(message, context):
        me = context.node_config["partition-id"]
        value = float(message.content["arrays"]["encoder.acc/w"].numpy()[0])
        return Message(RecordDict({"m": MetricRecord({"num-examples": 1, "acc": value + me})}), reply_to=message)

    return app


def start(strategy, rounds=1, **node):
    """Runs a ServerApp that uses the strategy as Flower's documentation has it; returns its result and what nodes saw."""
    seen, found = [], []
    grid = LocalGrid(client_app(seen), [{"partition-id": p, **node} for p in HOLDS], {})
    app = ServerApp()

    @app.main()
    def main(grid, context):
        zeros = {
            f"encoder.{m}/{key}": Array(np.zeros(2, np.float32)) for m in ("acc", "ecg", "eda", "emg") for key in "wb"
        }
        found.append(
            strategy.start(grid, ArrayRecord(zeros), num_rounds=rounds, train_config=ConfigRecord({"rate": 0.1}))
        )

    app(grid, Context(1, 1, {}, RecordDict(), {}))
    grid.close()
    return found[0], seen


def values(result):
    return {name: float(each["w"][0]) for name, each in blocks_of(result.arrays).items()}


def test_every_block_is_averaged_over_the_nodes_that_hold_it():
    result, _ = start(ModalityWise(rule_of("fedavg")))
    assert values(result) == {
        "encoder.acc": (1 * 1 + 2 * 2 + 3 * 3 + 4 * 4) / 10, "encoder.ecg": pytest.approx((2 * 2 + 3 * 3) / 5),
        "encoder.eda": 0.0, "encoder.emg": 0.0,  # of weight 0, and held by nobody
    }  # fmt: skip
    assert result.train_metrics_clientapp[1]["loss"] == pytest.approx((1 * 0 + 2 * 1 + 3 * 2 + 4 * 3) / 10)
    assert result.evaluate_metrics_clientapp[1]["acc"] == pytest.approx(3 + 2)


def test_a_rule_with_a_memory_moves_over_rounds_and_equal_weights_count_alike():
    result, _ = start(ModalityWise(rule_of("fedavgm", {"momentum": 0.5}), weights="equal"), rounds=2)
    assert values(result)["encoder.ecg"] == 2.5 + (2.5 + 0.5 * 2.5)


def test_a_robust_rule_refuses_per_block():
    strategy = ModalityWise(rule_of("fedmedian"))
    result, _ = start(strategy)
    assert values(result)["encoder.acc"] == 2.5 and values(result)["encoder.ecg"] == 0
    assert list(strategy.refused[1]) == ["encoder.ecg"] and "2 answered" in strategy.refused[1]["encoder.ecg"]


def test_a_node_that_fails_or_sends_nan_is_left_out_with_its_reason():
    strategy = ModalityWise(rule_of("fedavg"))
    result, _ = start(strategy, broken=[0], three=float("nan"))
    assert values(result)["encoder.acc"] == pytest.approx((2 * 2 + 3 * 3) / 5)
    reasons = sorted(strategy.left_out[1].values())
    assert len(reasons) == 2 and "no battery" in reasons[0] and "NaN" in reasons[1]


def test_when_all_fail_the_model_stays():
    strategy = ModalityWise(rule_of("fedavg"))
    result, _ = start(strategy, broken=[0, 1, 2, 3, 4])
    assert (
        len(result.arrays) == 0 and len(strategy.left_out[1]) == 5
    )  # Flower returns the arrays of the last good round


def test_nodes_are_told_their_part_and_a_share_keeps_every_known_modality():
    strategy = ModalityWise(rule_of("fedprox", {"mu": 0.5}), fraction=0.2, seed=3)
    strategy.held = {100: {"encoder.acc"}, 101: {"encoder.ecg"}, 104: {"encoder.eda"}}
    _, seen = start(strategy)
    assert {node for _, node, _ in seen} >= {1, 4} and len(seen) <= 4
    assert json.loads(seen[0][2]) == {"name": "fedprox", "mu": 0.5}
