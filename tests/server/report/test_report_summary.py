import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.report.summary import nested_spread, spread, summarise, summary_without_times


def result(method, seed, accuracy, *, pairing=None, up=100, skipped=(), **more):
    return {
        "method": method,
        "seed": seed,
        "data": {"name": "made-up", "simulated": True},
        "accuracy": accuracy,
        "macro_f1": accuracy - 0.1,
        "accuracy_epochs_81_200": None,
        "macro_f1_epochs_81_200": None,
        "accuracy_last_epoch": accuracy,
        "by_subset": {"gyroscope": {"accuracy": accuracy / 2, "macro_f1": 0.25}},
        "pairing_accuracy": pairing,
        "pairing_raw_cosine": None,
        "bytes": {
            "up": up,
            "down": 7,
            "by_phase": {"embed": {"up": up, "down": 7}},
            "by_modality": {},
            "by_block": {"embed": {"embeddings.acc": {"up": up, "down": 0}}},
        },
        "seconds": {"total": 10.0, "by_phase": {"embed": 4.0}},
        "cpu_seconds": 12.0,
        "nodes": {"ok": 4, "skipped": list(skipped)},
        **more,
    }


DATA = {"name": "made-up", "simulated": True}


def test_mean_and_sample_deviation_by_hand():
    assert spread([0.5, 0.7]) == {"mean": 0.6, "std": pytest.approx(0.2 / math.sqrt(2)), "per_seed": [0.5, 0.7]}
    assert spread([0.5]) == {"mean": 0.5, "std": None, "per_seed": [0.5]}
    assert spread([0.5, math.nan, None]) == {"mean": 0.5, "std": None, "per_seed": [0.5, None, None]}
    assert spread([None]) is None
    assert spread([]) is None


def test_a_nest_of_figures_keeps_its_form_by_hand():
    one, other = {"a": 0.5, "by": {"x": {"b": None}, "y": {}}}, {"a": 0.7, "by": {"x": {"b": 3}}}
    found = nested_spread([one, other, None])
    assert found["a"] == {"mean": 0.6, "std": pytest.approx(0.2 / math.sqrt(2)), "per_seed": [0.5, 0.7, None]}
    assert found["by"] == {"x": {"b": {"mean": 3, "std": None, "per_seed": [None, 3, None]}}, "y": None}
    assert nested_spread([None, None]) is None and nested_spread([{}]) is None


def test_embeddings_are_summed_up_by_method_and_none_where_there_are_none():
    results = [
        result("lower_bound", 0, 0.4, embeddings=None),
        result("fedbind", 0, 0.6, embeddings={"knn_accuracy": 0.5}),
    ]
    methods = summarise("demo", DATA, [0], results)["methods"]
    assert methods["lower_bound"]["embeddings"] is None
    assert methods["fedbind"]["embeddings"]["knn_accuracy"]["mean"] == 0.5
    assert summarise("demo", DATA, [0], [result("fedbind", 0, 0.6)])["methods"]["fedbind"]["embeddings"] is None


def test_a_whole_run_by_hand():
    skip = {"node": 2, "phase": "embed", "round": 3, "reason": "late"}
    results = [
        result("fedbind", 5, 0.8, pairing=0.7, up=101, skipped=[skip]),
        result("lower_bound", 4, 0.4, up=0),
        result("fedbind", 4, 0.6, pairing=0.5, up=200),
        result("lower_bound", 5, 0.5, up=0),
    ]
    summary = summarise("demo", DATA, [4, 5], results, ["lower_bound", "fedbind"])
    assert list(summary) == [
        "run", "data", "seeds", "methods", "pairing_accuracy", "pairing_raw_cosine", "bytes", "seconds", "nodes",
    ]  # fmt: skip
    assert list(summary["methods"]) == ["lower_bound", "fedbind"]
    fedbind = summary["methods"]["fedbind"]
    assert fedbind["accuracy"]["per_seed"] == [0.6, 0.8]  # in the order of the seeds, not of the results
    assert fedbind["accuracy"]["mean"] == pytest.approx(0.7)
    assert fedbind["accuracy"]["std"] == pytest.approx(0.1 * math.sqrt(2))
    assert fedbind["accuracy_epochs_81_200"] is None
    assert fedbind["by_subset"]["gyroscope"]["accuracy"]["per_seed"] == [0.3, 0.4]
    assert fedbind["cpu_seconds"] == {"mean": 12.0, "std": 0.0, "per_seed": [12.0, 12.0]}
    assert summary["pairing_accuracy"] == pytest.approx(0.6)
    assert summary["pairing_raw_cosine"] is None
    assert summary["bytes"] == {  # of fedbind alone; 150.5 rounds to even
        "up": 150, "down": 7, "by_phase": {"embed": {"up": 150, "down": 7}}, "by_modality": {},
        "by_block": {"embed": {"embeddings.acc": {"up": 150, "down": 0}}},
    }  # fmt: skip
    assert summary["seconds"] == {"total": 40.0, "by_phase": {"embed": 16.0}}
    assert summary["nodes"] == {"ok": 4, "skipped": [{**skip, "method": "fedbind", "seed": 5}]}


def test_an_interrupted_run_says_what_is_missing():
    results = [result("lower_bound", 0, 0.4), result("lower_bound", 2, 0.6)]
    summary = summarise("demo", DATA, [0, 1, 2], results, ["lower_bound", "fedbind"])
    assert summary["incomplete"] == [["lower_bound", 1], ["fedbind", 0], ["fedbind", 1], ["fedbind", 2]]
    assert list(summary["methods"]) == ["lower_bound"]
    assert summary["methods"]["lower_bound"]["accuracy"]["per_seed"] == [0.4, 0.6]
    assert summary["pairing_accuracy"] is None
    assert summary["bytes"]["up"] == 100  # of the first method, as fedbind has none
    nothing = summarise("demo", DATA, [0], [], ["fedbind"])
    assert (nothing["methods"], nothing["incomplete"], nothing["bytes"]["up"]) == ({}, [["fedbind", 0]], 0)


def test_without_times_nothing_of_time_is_left_and_nothing_else_is_lost():
    results = [result("fedbind", 0, 0.5)]
    slower = [{**results[0], "seconds": {"total": 99.0, "by_phase": {"embed": 98.0}}, "cpu_seconds": 97.0}]
    one, two = summarise("a", DATA, [0], results), summarise("b", DATA, [0], slower)
    assert one != two
    assert summary_without_times(one) == summary_without_times(two)
    assert "seconds" not in json.dumps(summary_without_times(one))
    assert set(one) - set(summary_without_times(one)) == {"run", "seconds"}
    better = summarise("a", DATA, [0], [result("fedbind", 0, 0.6)])
    assert summary_without_times(one) != summary_without_times(better)


@given(st.lists(st.floats(0, 1) | st.just(math.nan), min_size=1, max_size=5), st.randoms())
def test_a_summary_is_strict_json_and_does_not_depend_on_the_order_jobs_end_in(accuracies, random):
    seeds = list(range(len(accuracies)))
    results = [result("fedbind", seed, accuracy) for seed, accuracy in zip(seeds, accuracies, strict=True)]
    shuffled = random.sample(results, len(results))
    summary = summarise("r", DATA, seeds, results)
    assert summary == summarise("r", DATA, seeds, shuffled)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_figures_over_nodes_are_summed_up_where_a_job_tells_them():
    nodes = [{"mean": 0.5, "worst_decile": 0.2, "std": 0.1}, {"mean": 0.7, "worst_decile": 0.4, "std": None}]
    told = [
        result("fedbind", seed, 0.5, by_node=each, simulated_seconds={"total": 4.0 + seed},
               personal={"shared": each, "own": None, "why": "…"})
        for seed, each in enumerate(nodes)
    ]  # fmt: skip
    found = summarise("demo", DATA, [0, 1], [*told, result("dcm", 0, 0.4)])["methods"]
    assert found["fedbind"]["nodes"]["worst_decile"]["mean"] == pytest.approx(0.3)
    assert found["fedbind"]["nodes"]["std"]["per_seed"] == [0.1, None]
    assert found["fedbind"]["personal"]["own"] is None and found["fedbind"]["personal"]["shared"]["mean"]["mean"] == 0.6
    assert found["fedbind"]["simulated_seconds"]["mean"] == 4.5
    assert not {"nodes", "personal", "simulated_seconds"} & set(found["dcm"])


def test_what_pseudo_labels_were_like_is_told_where_a_job_has_any():
    told = {"samples": 4, "confidence": 0.5, "changed": 0.25, "accuracy": 0.75}
    jobs = [
        {**result("fedbind", 0, 0.9), "accuracy_fine_tuned": 0.8, "self_training": told},
        {**result("fedbind", 1, 0.7), "accuracy_fine_tuned": 0.6, "self_training": {**told, "accuracy": 0.25}},
        result("lower_bound", 0, 0.5),
        result("lower_bound", 1, 0.5),
    ]
    methods = summarise("run", {"name": "made up", "simulated": True}, [0, 1], jobs)["methods"]
    assert methods["fedbind"]["accuracy_fine_tuned"]["mean"] == pytest.approx(0.7)
    assert methods["fedbind"]["self_training"]["accuracy"]["per_seed"] == [0.75, 0.25]
    assert "self_training" not in methods["lower_bound"] and "accuracy_fine_tuned" not in methods["lower_bound"]
