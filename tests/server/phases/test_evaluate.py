"""Evaluate over made-up test nodes: counts add up over nodes, and a node that counts the impossible is left out."""

import numpy as np
import pytest
from flwr.app import Message

from configs.load import check
from protocol.kinds import ECHO
from protocol.manifest import Manifest, ModalityManifest
from protocol.payload import Payload
from server.dispatch import Dispatch
from server.job import Job
from server.phases.evaluate import count_on_test, evaluate
from server.state import JobState
from simulation.local import LocalGrid

SENSORS = {name: ModalityManifest("inertial", 16, 2, 50.0, 10) for name in ("ecg", "gyr")}
BLOCKS = {"head.fusion": {"w": np.zeros((2, 2), np.float32)}, "encoder.ecg": {"w": np.ones(2, np.float32)}}


@pytest.fixture
def experiment():
    modalities = ["ecg", "gyr"]
    return check({
        "name": "small", "seeds": [0], "methods": ["lower_bound"],
        "data": {"name": "x", "modalities": {"ecg": {}, "gyr": {}}},
        "split": {"a": [1], "finetune": [3], "test": [4, 5]},
        "groups": {"a": {"modalities": modalities}, "finetune": {"modalities": modalities},
                   "test": {"modalities": modalities, "nodes": 2}},
    })  # fmt: skip


def counting(full, auc=None, networks=1):
    """A test node that counts `full` on both sensors and nothing right on one alone."""

    def app(message, context):
        question = Payload.from_records(message.content)
        blocks = {}
        for subset in question.info["subsets"]:
            counts = np.asarray(full) if len(subset) == 2 else np.array([[0, 1], [0, 0]])
            blocks["confusion." + "+".join(subset)] = {"counts": np.stack([counts] * networks).astype(np.int32)}
        metrics = {"examples": float(np.sum(full))} | ({} if auc is None else {"auc": auc})
        return Message(
            Payload(blocks, {key: question.info[key] for key in ECHO}, metrics).to_records(), reply_to=message
        )

    return app


def job(experiment, hosts):
    grid = LocalGrid(lambda message, context: hosts[context.node_id - 100](message, context), [{}] * len(hosts), {})
    dispatch = Dispatch(grid, [], "lower_bound", 0, 60.0, 1, {2 + p: 100 + p for p in range(len(hosts))})
    manifests = {2 + p: Manifest(2 + p, "test", 10, 8, SENSORS, ["x", "y"], True, "", 0, "") for p in range(len(hosts))}
    return Job(experiment, "lower_bound", 0, dispatch, None), JobState(manifests, blocks=BLOCKS)


def test_counts_of_all_test_nodes_are_added_before_figures_are_made(experiment):
    made, state = job(experiment, [counting([[3, 1], [0, 2]], 0.5), counting([[1, 0], [1, 0]], 1.0)])
    result = evaluate(made, state).result
    assert result["confusion"] == [[4, 1], [1, 2]] and result["test_samples"] == 8
    assert result["accuracy"] == pytest.approx(6 / 8)
    assert result["auc"] == pytest.approx((6 * 0.5 + 2 * 1.0) / 8)
    assert set(result["by_subset"]) == {"ecg+gyr", "ecg", "gyr"} and result["by_subset"]["ecg"]["accuracy"] == 0
    assert result["by_subset"]["ecg+gyr"]["accuracy"] == result["accuracy"]
    assert result["data"] == {"name": "x", "simulated": True} and result["classes"] == ["x", "y"]


def test_without_an_area_there_is_none(experiment):
    assert evaluate(*job(experiment, [counting([[3, 1], [0, 2]])])).result["auc"] is None


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (counting([[9, 0], [0, 0]]), "more counts than labelled samples"),
        (counting([[2**31 - 1, 0], [0, 0]]), "claims 2.14748e+09 examples"),
        (counting([[-1, 0], [0, 0]]), "examples"),
        (counting([[1, -1], [0, 0]]), "expected counts"),
        (counting([[1, 0, 0], [0, 0, 0], [0, 0, 0]]), "expected counts of shape"),
        (counting([[1, 0], [0, 0]], networks=2), "expected counts of shape"),
        (counting([[1, 0], [0, 0]], auc=1.5), "an AUC of 1.5"),
        (counting([[0, 0], [0, 0]], auc=0.5), "claims 0 examples"),
    ],
    ids=[
        "more than it has",
        "far more",
        "fewer than none",
        "negative",
        "a class too many",
        "a network too many",
        "AUC",
        "an AUC of nothing",
    ],
)
def test_impossible_counts_cost_their_node_the_evaluation(experiment, bad, said):
    made, state = job(experiment, [counting([[3, 1], [0, 2]]), bad])
    assert evaluate(made, state).result["confusion"] == [[3, 1], [0, 2]]
    assert said in made.dispatch.tally.skipped[0]["reason"] and made.dispatch.tally.skipped[0]["node"] == 3


def test_every_network_s_counts_are_judged_not_the_first_alone(experiment):
    def app(message, context):
        reply = counting([[1, 0], [0, 0]], networks=2)(message, context)
        payload = Payload.from_records(reply.content)
        payload.blocks["confusion.ecg+gyr"]["counts"] = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 500]]], np.int32)
        return Message(payload.to_records(), reply_to=message)

    made, state = job(experiment, [counting([[3, 1], [0, 2]], networks=2), app])
    networks = {"head.fusion": {"w": np.zeros((2, 2, 2), np.float32)}}
    counts = count_on_test(made, state, networks, 1, 1)
    assert counts.tolist() == [[[3, 1], [0, 2]]] * 2
