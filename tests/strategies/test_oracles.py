"""Rules against implementations of others: byzfl 0.0.11 (its outputs are kept here), and Flower on whole models."""

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from flwr.serverapp import strategy as flower

from strategies.centred_clipping import centred_clipping
from strategies.geometric_median import geometric_median
from strategies.nnm import mixed
from strategies.registry import rule_of
from strategies.rule import Reply, apply

ROWS = np.array([
    [0.03, 1.36, 1.22, -0.51], [-0.3, -0.53, 0.57, -0.06], [0.75, -1.85, 1.57, -0.1], [8.68, 7.86, 7.62, 8.46],
    [0.82, -0.2, -0.15, 0.69], [-0.87, -1.51, 0.39, -0.67], [-1.92, -0.81, -0.47, -1.19], [-7.49, -5.96, -5.1, -6.23],
    [-0.74, 0.38, 0.72, -0.3], [0.54, 1.04, -0.21, -0.81], [0.35, 0.25, 1.1, -1.28],
])  # fmt: skip
EQUAL = np.full(11, 1 / 11)

# What byzfl 0.0.11 gives for ROWS, rounded to ten places.
BYZFL = {
    "median": [0.03, -0.2, 0.57, -0.51],
    "trimmed mean, f 2": [-0.0342857143, -0.1971428571, 0.52, -0.52],
    "Krum, f 2": [-0.3, -0.53, 0.57, -0.06],
    "MultiKrum, f 2": [-0.1488888889, -0.2077777778, 0.5266666667, -0.47],
    "geometric median, ν 0.1, T 3": [-0.2042826304, -0.158900901, 0.5618149247, -0.3839223316],
    "geometric median, ν 1e-3, T 20": [-0.2107342422, -0.1684539431, 0.5618896173, -0.3806131871],
    "centred clipping, L 1, τ 1.5": [-0.0795678549, -0.0716776695, 0.3522881144, -0.2974275406],
    "centred clipping, L 3, τ 0.5": [-0.09231321, -0.0856130328, 0.3318764084, -0.2328690589],
}
NNM_NEAR = [-0.1488888889, -0.2077777778, 0.5266666667, -0.47]  # of all but the two far ones
NNM_FAR = {
    3: [1.0288888889, 0.7555555556, 1.4255555556, 0.6022222222],
    7: [-0.9844444444, -1.0211111111, -0.1755555556, -1.1055555556],
}


def ruled(name, **parameters):
    """The rule on ROWS, split into two tensors."""
    sent = [Reply({"a": row[:1], "b": row[1:].reshape(3, 1)}, 1.0, node) for node, row in enumerate(ROWS)]
    current = {"a": np.zeros(1), "b": np.zeros((3, 1))}
    made, _ = apply(rule_of(name, parameters), current, {}, sent)
    return np.concatenate([made["a"], made["b"].reshape(-1)])


@pytest.mark.parametrize(
    ("name", "parameters", "told"),
    [("fedmedian", {"faulty": 2}, "median"), ("fedtrimmedavg", {"beta": 0.2}, "trimmed mean, f 2"),
     ("krum", {"faulty": 2}, "Krum, f 2"), ("multikrum", {"faulty": 2, "selected": 9}, "MultiKrum, f 2"),
     ("centred_clipping", {"radius": 1.5}, "centred clipping, L 1, τ 1.5"),
     ("centred_clipping", {"radius": 0.5, "iterations": 3}, "centred clipping, L 3, τ 0.5")],
)  # fmt: skip
def test_byzfl_gives_the_same(name, parameters, told):
    assert ruled(name, **parameters) == pytest.approx(BYZFL[told], abs=2e-10)


@pytest.mark.parametrize(("smoothing", "iterations"), [(0.1, 3), (1e-3, 20)])
def test_byzfl_s_geometric_median_from_zero(smoothing, iterations):
    """It starts from zero; ours from the mean, so the steps are compared, and the rule where both have settled."""
    steps = geometric_median(ROWS, EQUAL, smoothing, iterations, np.zeros(4))
    assert steps == pytest.approx(
        BYZFL[f"geometric median, ν {smoothing:g}, T {iterations}".replace("0.001", "1e-3")], abs=2e-10
    )


def test_byzfl_s_geometric_median_from_the_mean():
    assert ruled("geometric_median", iterations=40) == pytest.approx(BYZFL["geometric median, ν 1e-3, T 20"], abs=1e-4)


def test_byzfl_s_nnm():
    for row, made in enumerate(mixed(ROWS, 2)):
        assert made == pytest.approx(NNM_FAR.get(row, NNM_NEAR), abs=2e-10)


def test_clipping_stays_where_it_is_without_a_difference():
    assert (centred_clipping(np.ones((3, 2)), np.full(3, 1 / 3), np.ones(2), 1.0, 2) == 1).all()


# --- Flower, on a whole model over three rounds, driven by itself -------------------------------------------------------

FLOWER = {
    "fedavg": flower.FedAvg, "fedavgm": lambda: flower.FedAvgM(server_momentum=0.9), "fedadagrad": flower.FedAdagrad,
    "fedadam": flower.FedAdam, "fedyogi": flower.FedYogi, "fedmedian": flower.FedMedian,
    "fedtrimmedavg": flower.FedTrimmedAvg, "krum": lambda: flower.Krum(num_malicious_nodes=1),
    "multikrum": lambda: flower.MultiKrum(num_malicious_nodes=1, num_nodes_to_select=6),
    "bulyan": lambda: flower.Bulyan(num_malicious_nodes=1),
    "qfedavg": lambda: flower.QFedAvg(client_learning_rate=1e-3, q=0.1),
}  # fmt: skip


class Answer:
    def __init__(self, content):
        self.content = content

    def has_error(self):
        return False


class Grid:
    def get_node_ids(self):
        return range(2)


def model(generator, scale):
    return {
        "w": (scale * generator.normal(size=(3, 2))).astype(np.float32),
        "b": generator.normal(size=2).astype(np.float32),
    }


def records(block):
    return ArrayRecord({name: Array(value) for name, value in block.items()})


@pytest.mark.parametrize("name", FLOWER)
def test_flower_gives_the_same_over_three_rounds(name, monkeypatch):
    """Flower's object lives through the rounds; ours is made anew from the memory each time."""
    theirs, rule, generator = FLOWER[name](), rule_of(name), np.random.default_rng(3)
    monkeypatch.setattr(type(theirs), "_construct_messages", lambda *_: [])
    current, memory = model(generator, 1.0), {}
    whole = current
    for round in range(1, 4):
        sent = [model(generator, 0.1) for _ in range(9)]
        losses, weights = generator.uniform(1, 2, 9), generator.integers(1, 50, 9)
        theirs.configure_train(round, records(whole), ConfigRecord(), Grid())
        answers = [
            Answer(RecordDict({
                "arrays": records(each), "metrics": MetricRecord({"num-examples": int(w), "train_loss": float(loss)})
            }))
            for each, w, loss in zip(sent, weights, losses, strict=True)
        ]  # fmt: skip
        arrays, _ = theirs.aggregate_train(round, answers)
        whole = {key: arrays[key].numpy().astype(np.float32) for key in current}
        replies = [
            Reply(each, float(w), node, {"loss": float(loss)})
            for node, (each, w, loss) in enumerate(zip(sent, weights, losses, strict=True))
        ]
        current, memory = apply(rule, current, memory, replies)
        for key in current:
            assert np.allclose(current[key], whole[key], rtol=2e-5, atol=2e-6), (round, key)
