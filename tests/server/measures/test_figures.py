"""All measures of a job together: who counts in which, what is None, and how what nodes sent becomes samples."""

import json

import numpy as np
import pytest

from server.binding.score import node_guess
from server.measures.figures import figures
from server.measures.samples import Samples, evenly_picked, samples_of
from tests.server.measures.test_retrieval import unit

E = np.eye(4, dtype=np.float32)


def samples(one, other, label, one_present=None, other_present=None):
    """Samples of two sensors, all present where nothing else is said."""
    here = np.ones(len(label), dtype=bool)
    present = {
        "gyr": here if one_present is None else one_present,
        "skl": here if other_present is None else other_present,
    }
    views = {m: v * present[m][:, None] for m, v in (("gyr", one), ("skl", other))}
    return Samples(views, present, np.array(label))


NOBODY = samples(E[:0], E[:0], np.zeros(0, int))


def test_what_nodes_sent_becomes_samples_in_the_order_of_their_handles():
    nodes = {
        4: {"gyr": (np.array([30, 10]), E[:2]), "skl": (np.array([20, 10]), E[2:]), "acc": (np.array([99]), E[:1])},
        7: {"skl": (np.array([10]), E[:1])},  # a handle of another node's is another sample
    }
    made = samples_of(nodes, {4: {10: 1, 20: -1, 30: 0, 77: 5}, 9: {10: 3}}, ["gyr", "skl"], 4)
    assert made.label.tolist() == [1, -1, 0, -1]
    assert made.present["gyr"].tolist() == [True, False, True, False]
    assert made.present["skl"].tolist() == [True, True, False, True]
    assert np.array_equal(made.views["gyr"], np.stack([E[1], 0 * E[0], E[0], 0 * E[0]]))
    assert np.array_equal(made.views["skl"], np.stack([E[3], E[2], 0 * E[0], E[0]]))
    assert made.labelled().label.tolist() == [1, 0]
    empty = samples_of({}, {}, ["gyr"], 4)
    assert len(empty) == 0 and empty.views["gyr"].shape == (0, 4)


def test_side_by_side_the_cosine_is_the_mean_over_what_both_hold():
    gone = np.array([True, True, False])
    rows = samples(unit(0, 60, 0), unit(0, 0, 90), [0, 0, 0], one_present=gone).fused(["gyr", "skl"])
    assert rows @ rows.T == pytest.approx(np.array([[1, 0.75, 0], [0.75, 1, 0], [0, 0, 1]]), abs=1e-6)
    assert samples(unit(0), unit(0), [0]).fused([]).shape == (1, 0)


def test_by_hand():
    """Four test samples, two classes; both sensors agree, so all is found; the fine-tuning samples are the same."""
    rows, label = unit(0, 10, 100, 110), [0, 0, 1, 1]
    generator = np.random.default_rng(0)
    nodes = {p: {"acc": (np.arange(6), generator.normal(size=(6, 4)).astype(np.float32)), "gyr": (np.arange(6), 9 * E[[p] * 6])}
             for p in (0, 1)}  # fmt: skip
    found = figures(samples(rows, rows, label), samples(rows, rows, label), nodes, ["gyr", "skl"])
    ones = ("recall_at_1", "recall_at_5", "mean_average_precision", "class_recall_at_1", "class_mean_average_precision",
            "nearest_accuracy", "linear_probe_accuracy")  # fmt: skip
    assert [found[name] for name in ones] == [1.0] * len(ones)
    assert found["knn_accuracy"] == 0.5  # all four vote
    assert found["alignment"] == 0.0 and found["by_pair"]["gyr->skl"]["same_recording"]["gallery"] == 4
    guesses = {m: node_guess({p: views[m][1] for p, views in nodes.items()}) for m in ("acc", "gyr")}
    assert guesses["gyr"] == 1.0 and found["node_guess"] == pytest.approx(np.mean(list(guesses.values())))
    assert found["by_modality"]["acc"] == {"uniformity": None, "node_guess": guesses["acc"]}
    assert found["by_modality"]["skl"]["node_guess"] is None  # no pre-training node sent it
    assert found["uniformity"] == found["by_modality"]["gyr"]["uniformity"]
    assert found["counts"] == {"test": 4, "test_labelled": 4, "finetune_labelled": 4}
    assert json.loads(json.dumps(found)) == found


def test_only_those_that_hold_both_are_looked_for_as_recordings_and_all_as_members_of_a_class():
    gone = np.array([True, True, True, False])
    found = figures(samples(*[unit(0, 10, 100, 110)] * 2, [0, 0, 1, 1], other_present=gone), NOBODY, {}, ["gyr", "skl"])
    pair = found["by_pair"]["gyr->skl"]
    assert (pair["same_recording"]["queries"], pair["same_recording"]["gallery"]) == (3, 3)
    assert (pair["same_class"]["queries"], pair["same_class"]["gallery"]) == (
        3,
        3,
    )  # of y only one can be found, by the other


def test_without_labels_what_needs_them_is_none_and_the_rest_is_there():
    rows = unit(0, 10, 100, 110)
    unlabelled = samples(rows, rows, [-1] * 4)
    found = figures(unlabelled, unlabelled, {}, ["gyr", "skl"])
    needs = [name for name in found if name.startswith("class_")]
    needs += ["nearest_accuracy", "knn_accuracy", "linear_probe_accuracy", "node_guess"]
    assert [name for name, value in found.items() if value is None] == needs
    assert found["recall_at_1"] == 1.0


@pytest.mark.parametrize("modalities", [["gyr", "skl"], ["gyr"], []])
def test_nothing_and_nobody_give_none_and_no_error(modalities):
    found = figures(NOBODY, NOBODY, {0: {"gyr": (np.arange(9), E[[0] * 9])}}, modalities)
    assert all(value is None for value in found.values() if not isinstance(value, dict))
    one = samples(E[:1], E[:1], [0])
    found = figures(one, one, {}, modalities)
    assert {name for name, value in found.items() if value is not None and not isinstance(value, dict)} <= {"alignment"}


def test_evenly_picked_rows_hold_the_first_and_the_last():
    assert evenly_picked(3, 5).tolist() == [0, 1, 2] and evenly_picked(0, 5).tolist() == []
    assert evenly_picked(101, 3).tolist() == [0, 50, 100] and evenly_picked(9, 1).tolist() == [0]
