"""Choosing a shared modality: the best step, its reason in words, and how the ranking stands to the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.binding.bind import Embedded
from server.binding.choice import Candidate, agreement, as_entry, best_first, candidates, judged, told, why
from server.binding.score import Score, score
from server.binding.steps import Step


def candidate(by, apart, guess, accuracy=None, first="a", second="b"):
    own = None if apart is None else Score(apart - guess / 2, apart, guess)
    return Candidate(Step(first, second, by), own, accuracy)


CLEAR = candidate("acc", 0.78, 0.0)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ([candidate("gyr", 0.7, 0.3)], "its events stand apart best (0.78) and no node can be told from it (0.00)"),
        ([], "nothing else is shared by a and b"),
        ([candidate("gyr", None, 0)], "of the others too few samples are there to tell (its own score is 0.78)"),
        ([candidate("gyr", 0.78, 0.0)], "no other promises more (0.78), and it is named first"),
    ],
)
def test_the_reason_of_a_clear_choice(others, said):
    assert why(CLEAR.step, [CLEAR, *others]) == said


def test_the_reason_where_one_part_outweighs_the_other():
    told_less = [candidate("acc", 0.50, 0.06), candidate("skeleton", 0.52, 0.66)]
    assert why(told_less[0].step, told_less) == (
        "its events stand apart less than those of skeleton (0.50 against 0.52), but nodes are told from it less "
        "(0.06 against 0.66)"
    )
    least = [candidate("acc", 0.9, 0.3), candidate("gyr", 0.6, 0.4)]
    assert why(least[0].step, least) == "its events stand apart best (0.90) and nodes are told from it least (0.30)"
    outweighs = [candidate("acc", 0.9, 0.3), candidate("gyr", 0.6, 0.1)]
    assert why(outweighs[0].step, outweighs) == (
        "its events stand apart best (0.90), which outweighs that nodes are told from it (0.30, from gyr 0.10)"
    )
    nobody = [candidate("acc", None, 0), candidate("gyr", None, 0)]
    assert why(nobody[0].step, nobody) == "too few samples to tell, so the first that is named"


def test_for_every_two_groups_the_best_is_taken_and_the_best_of_all_comes_first():
    found = [
        candidate("acc", 0.5, 0.0), candidate("gyr", 0.6, 0.0),
        candidate("gyr", 0.9, 0.0, None, "b", "c"), candidate("ecg", None, 0, None, "b", "c"),
        candidate("ecg", None, 0, None, "a", "c"),
    ]  # fmt: skip
    steps = [(step.first, step.second, step.by) for step in best_first(found)]
    assert steps == [("b", "c", "gyr"), ("a", "b", "gyr"), ("a", "c", "ecg")]
    assert (
        why(Step("a", "b", "gyr"), found) == "its events stand apart best (0.60) and no node can be told from it (0.00)"
    )


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5))
def test_every_choice_has_a_reason_with_its_own_figures(figures):
    found = [candidate(f"m{at}", apart, guess) for at, (apart, guess) in enumerate(figures)]
    (step,) = best_first(found)
    own = next(each for each in found if each.step == step)
    assert own.score.score == max(each.score.score for each in found)
    text = why(step, found)
    shown = (own.score.score, own.score.separability)
    assert "nothing else" in text or any(f"{figure:.2f}" in text for figure in shown)


def test_comparisons_are_within_two_groups_and_equal_ones_are_none():
    one = [candidate("acc", 0.9, 0, 0.8), candidate("gyr", 0.8, 0, 0.7), candidate("skeleton", 0.7, 0, 0.75)]
    assert agreement(one) == (2, 3)
    assert agreement([*one, candidate("ecg", 0.1, 0, 0.9, "b", "c")]) == (2, 3)
    assert agreement([candidate("acc", 0.9, 0, 0.8), candidate("gyr", 0.9, 0, 0.7)]) == (0, 0)
    assert agreement([candidate("acc", 0.9, 0), candidate("gyr", 0.8, 0, 0.7)]) == (0, 0)


def embedded():
    """Two groups of one node each. By `acc` all four samples find their own class; by `gyr` none does."""
    acc = np.float32([[1, 0], [0, 1]])
    gyr = {0: np.float32([[1, 0], [0, 1]]), 1: np.float32([[0, 1], [1, 0]])}
    handles = {0: np.array([1, 2]), 1: np.array([3, 4])}
    return {
        "acc": {p: Embedded("ab"[p], handles[p], acc) for p in (0, 1)},
        "gyr": {p: Embedded("ab"[p], handles[p], gyr[p]) for p in (0, 1)},
    }, {1: 0, 2: 1, 3: 0, 4: 1}


def test_true_accuracy_is_that_of_nearest_neighbours_both_ways():
    samples, label_of = embedded()
    found = [Candidate(Step("a", "b", by), None) for by in ("acc", "gyr")]
    assert [each.accuracy for each in judged(found, samples, label_of, 2)] == [1.0, 0.0]
    assert [each.accuracy for each in judged(found, samples, {}, 2)] == [None, None]


def test_scores_are_those_of_the_two_groups_nodes_alone():
    generator = np.random.default_rng(0)
    rows = {p: generator.normal(size=(8, 3)).astype(np.float32) for p in range(3)}
    samples = {"acc": {p: Embedded("abc"[p], np.arange(8) + 10 * p, rows[p]) for p in rows}}
    (found,) = candidates(samples, [Step("a", "b", "acc")])
    assert found.score == score({0: rows[0], 1: rows[1]})
    few, _ = embedded()
    (untold,) = candidates(few, [Step("a", "b", "acc")])
    assert untold.score is None and told(untold) == "acc (too few samples to score)"
    assert told(CLEAR) == "acc (score 0.78: events apart 0.78, nodes told 0.00)"
    assert as_entry(CLEAR, True) == {
        "between": ["a", "b"], "by": "acc", "taken": True, "score": 0.78, "separability": 0.78, "node_guess": 0.0,
        "pairing_accuracy": None,
    }  # fmt: skip
    assert as_entry(untold, False)["score"] is None
