"""Figures by hand."""

import numpy as np
import pytest

from configs.study import load_study
from simulation.fusion.job import measures
from simulation.fusion.table import lines, over_seeds, summary


def result(method, who, seed, one, two, noise):
    told = {"wrist_bvp": one, "wrist_bvp+wrist_eda": two, "wrist_bvp+wrist_eda+useless": noise}
    sets = {
        name: {"accuracy": value, "macro_f1": value, "auc": None if who == "S3" else value}
        for name, value in told.items()
    }
    floor = {"accuracy": 0.5, "macro_f1": 0.3, "auc": 0.5}
    return {"method": method, "regime": "federated", "seed": seed, "held_out": who, "sets": sets,
            "always_the_most_frequent": floor}  # fmt: skip


def study():
    return load_study(
        "wesad_fusion",
        ["data.modalities=[wrist_bvp, wrist_eda]", "regimes=[federated]", "seeds=[0, 1]", "useless=true"],
    )


def test_means_over_people_spread_over_seeds_and_the_paired_difference():
    results = [
        result("unified", "S2", 0, 0.6, 0.8, 0.7), result("unified", "S3", 0, 0.8, 1.0, 0.9),
        result("unified", "S2", 1, 0.7, 0.9, 0.9), result("unified", "S3", 1, 0.9, 1.0, 1.0),
        result("bev", "S2", 0, 0.5, 0.6, 0.5), result("bev", "S3", 0, 0.7, 0.8, 0.5),
    ]  # fmt: skip
    table = lines(study(), results)
    told = summary(study(), table, results, finished=False)
    one = told["figures"]["unified"]["federated"]["1"]
    assert one["accuracy"] == pytest.approx({"mean": 0.75, "std": np.std([0.7, 0.8], ddof=1)})
    assert one["sets"] == ["wrist_bvp"] and one["seeds"] == 2 and one["people"] == 2
    assert one["auc"]["mean"] == pytest.approx(0.65)  # S3 has none
    assert told["figures"]["bev"]["federated"]["2"]["accuracy"] == pytest.approx({"mean": 0.7, "std": None})
    noise = told["figures"]["unified"]["federated"]["useless"]
    assert noise["lost"]["accuracy"] == pytest.approx(0.925 - 0.875)
    assert told["unified_less_bev"]["federated"]["wrist_bvp"]["accuracy"]["mean"] == pytest.approx(0.1)
    assert told["always_the_most_frequent"]["accuracy"]["mean"] == 0.5 and told["finished"] is False


def test_nothing_comes_to_nothing():
    assert over_seeds({}) == {"mean": None, "std": None} and lines(study(), []) == []


def test_measures_by_hand():
    told = measures(np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]]))
    assert told["accuracy"] == 0.75 and told["auc"] == 1.0
    assert told["macro_f1"] == pytest.approx((2 / 3 + 0.8) / 2)
    assert measures(np.array([1, 1]), np.array([[0.9, 0.1], [0.4, 0.6]]))["auc"] is None
    three = measures(np.array([0, 1, 2]), np.eye(3))
    assert three == {"accuracy": 1.0, "macro_f1": 1.0, "auc": 1.0}
