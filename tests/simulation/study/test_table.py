"""A study's table by hand."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.study import AT_HAND, MEASURES, Axis, Study, Value
from simulation.study.curves import curve_of, curves
from simulation.study.page import page
from simulation.study.picture import picture
from simulation.study.table import Row, bootstrap, jobs_csv, lines, row_of, table_csv


def study(**changes):
    axes = [
        Axis(name="labels", values=[Value(name="one", x=1), Value(name="two", x=2)]),
        Axis(name="split", values=[Value(name="p"), Value(name="q")], over=True),
    ]
    return Study(**{"name": "toy", "title": "A toy", "explains": "Why.", "base": "demo", "axes": axes, **changes})


def row(labels, split, method, seed, accuracy):
    return Row((labels, split), method, seed, {"accuracy": accuracy, "pairing_accuracy": None})


ROWS = [
    row("one", "p", "lower_bound", 0, 0.50), row("one", "p", "fedbind", 0, 0.60),
    row("one", "p", "lower_bound", 1, 0.52), row("one", "p", "fedbind", 1, 0.66),
    row("one", "q", "lower_bound", 0, 0.70), row("one", "q", "fedbind", 0, 0.68),
    row("two", "p", "lower_bound", 0, 0.90),
]  # fmt: skip


def test_means_are_over_seeds_and_splits_and_differences_are_paired():
    table = lines(study(), ROWS, ["lower_bound", "fedbind"])
    assert [(t.place, t.method, t.count) for t in table] == [
        (("one",), "lower_bound", 3), (("one",), "fedbind", 3), (("two",), "lower_bound", 1),
    ]  # fmt: skip
    low, ours, alone = table
    assert low.mean == pytest.approx(((0.50 + 0.52) / 2 + 0.70) / 2)  # each split counts once
    assert low.std == pytest.approx(np.std([0.50, 0.52, 0.70], ddof=1))
    assert low.difference == pytest.approx(((0.10 + 0.14) / 2 - 0.02) / 2)
    assert (low.low, low.high) == (None, None)  # three differences are too few
    assert (ours.difference, ours.low) == (None, None)
    assert (alone.std, alone.difference) == (0.0, None)  # nothing to pair it with


def test_a_value_named_alone_has_rows_beside_those_of_all():
    split = Axis(name="split", values=[Value(name="p"), Value(name="q")], over=True, alone=["p"])
    asked = study(axes=[Axis(name="labels", values=[Value(name="one")]), split])
    table = lines(asked, ROWS[:6], ["lower_bound", "fedbind"])
    assert [(t.place, t.method, t.count) for t in table] == [
        (("one", "p"), "lower_bound", 2), (("one", "p"), "fedbind", 2),
        (("one", "all 2"), "lower_bound", 3), (("one", "all 2"), "fedbind", 3),
    ]  # fmt: skip
    assert table[0].difference == pytest.approx(0.12)
    head = table_csv(asked, table).splitlines()[0]
    assert head.startswith("labels,split,method,")


@pytest.mark.parametrize(
    ("over", "alone", "said"), [(True, ["r"], "names no value"), (False, ["p"], "rows of its own")]
)
def test_alone_names_values_of_an_axis_that_is_taken_over(over, alone, said):
    with pytest.raises(ValueError, match=said):
        study(axes=[Axis(name="split", values=[Value(name="p"), Value(name="q")], over=over, alone=alone)])


def test_a_figure_that_no_job_has_gives_no_line():
    assert lines(study(measure="pairing_accuracy"), ROWS, ["lower_bound", "fedbind"]) == []


def test_figures_of_embeddings_are_measures_too_and_those_that_are_no_share_stand_as_they_are():
    told = {"method": "fedbind", "seed": 0, "accuracy": 0.5, "bytes": {"up": 1, "down": 2}}
    found = row_of(("one", "p"), {**told, "embeddings": {"recall_at_1": 0.25, "uniformity": -3.0, "by_pair": {}}})
    assert (found.figures["recall_at_1"], found.figures["uniformity"], found.figures["accuracy"]) == (0.25, -3.0, 0.5)
    assert (
        found.figures["node_guess"] is None
        and row_of(("one", "p"), {**told, "embeddings": None}).figures["alignment"] is None
    )
    for measure in MEASURES:
        assert study(measure=measure).measured.endswith(", %") == (measure not in ("alignment", "uniformity"))
    rows = [row_of(("one", "p"), {**told, "embeddings": {"recall_at_1": 0.25, "uniformity": -3.0}})]
    for measure, shown in (("recall_at_1", "25.0 ± 0.0"), ("uniformity", "-3.000 ± 0.000")):
        asked = study(measure=measure)
        assert shown in page(asked, lines(asked, rows, ["fedbind"]), None, "", "", "", [])


def test_the_interval_is_that_of_whole_splits_and_of_seeds_within():
    assert bootstrap([((), 0.25)] * 4) == (0.25, None, None)  # resampling so few would feign certainty
    mean, low, high = bootstrap([(("p",), 0.0)] * 3 + [(("q",), 1.0)] * 3)
    assert (mean, low, high) == (0.5, 0.0, 1.0)  # one split may be drawn twice
    narrow = bootstrap([((), value) for value in (0.4, 0.5, 0.6) * 20])
    assert narrow[2] - narrow[1] < 0.05 and narrow[1] < 0.5 < narrow[2]


@given(st.lists(st.tuples(st.sampled_from("pqr"), st.floats(-1, 1)), min_size=1, max_size=12))
def test_the_interval_lies_within_the_differences_and_order_changes_nothing_but_rounding(paired):
    told = [((where,), value) for where, value in paired]
    mean, low, high = bootstrap(told, draws=200)
    values = [value for _, value in paired]
    assert (low is None and high is None) if len(told) < 5 else min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    by_place = [[value for (where,), value in told if where == name] for name in "pqr"]
    assert mean == pytest.approx(np.mean([np.mean(group) for group in by_place if group]))


def test_csv_files_say_what_their_columns_are():
    jobs = list(csv.DictReader(io.StringIO(jobs_csv(study(), ROWS))))
    assert (
        len(jobs) == 7 and jobs[1]["labels"] == "one" and jobs[1]["split"] == "p" and float(jobs[1]["accuracy"]) == 0.6
    )
    assert jobs[1]["pairing_accuracy"] == ""
    table = list(csv.DictReader(io.StringIO(table_csv(study(), lines(study(), ROWS, ["lower_bound", "fedbind"])))))
    assert list(table[0]) == ["labels", "method", "accuracy", "std", "jobs", "fedbind less this", "low", "high"]


@pytest.mark.parametrize("kind", ["bars", "lines"])
def test_the_picture_is_a_png_and_the_same_for_the_same_figures(kind):
    asked = study(picture=kind)
    table = lines(asked, ROWS, ["lower_bound", "fedbind"])
    png = picture(asked, table, "simulated")
    assert png.startswith(b"\x89PNG") and png == picture(asked, table, "simulated")
    assert png != picture(asked, table[:2], "simulated")


# --- subsets ----------------------------------------------------------------------------------------------------------


def with_subsets(labels, split, method, seed, **subsets):
    by_subset = {name: {"accuracy": value, "macro_f1": None} for name, value in subsets.items()}
    figures = {"accuracy": 0.9, "pairing_accuracy": None}
    return Row((labels, split), method, seed, figures, {"g+s" if k == "both" else k: v for k, v in by_subset.items()})


SUBSETS = [
    with_subsets("one", "p", "lower_bound", 0, both=None, g=0.4, s=None),
    with_subsets("one", "p", "fedbind", 0, both=0.8, g=0.6, s=0.3),
    with_subsets("one", "p", "lower_bound", 1, both=None, g=0.2, s=None),
    with_subsets("one", "p", "fedbind", 1, both=0.6, g=0.5, s=0.5),
]


def test_a_study_of_subsets_has_a_line_for_each_of_them_and_none_for_a_method_that_cannot():
    table = lines(study(subsets=True), SUBSETS, ["lower_bound", "fedbind"])
    assert [(t.place, t.method) for t in table] == [
        (("one", "g"), "lower_bound"), (("one", "g"), "fedbind"), (("one", "s"), "fedbind"),
        (("one", "g + s"), "fedbind"),
    ]  # fmt: skip
    low, ours, unseen, both = table
    assert (low.mean, ours.mean, unseen.mean, both.mean) == pytest.approx((0.3, 0.55, 0.4, 0.7))
    assert low.difference == pytest.approx((0.2 + 0.3) / 2) and unseen.difference is None


def test_its_csv_files_name_the_subsets():
    asked = study(subsets=True)
    table = list(csv.DictReader(io.StringIO(table_csv(asked, lines(asked, SUBSETS, ["lower_bound", "fedbind"])))))
    assert list(table[0])[:4] == ["labels", AT_HAND, "method", "accuracy"] and table[2][AT_HAND] == "s"
    jobs = list(csv.DictReader(io.StringIO(jobs_csv(asked, SUBSETS))))
    assert len(jobs) == 4 and jobs[0]["accuracy"] == "0.9"
    assert (jobs[0]["accuracy of g"], jobs[0]["accuracy of g + s"], jobs[1]["accuracy of s"]) == ("0.4", "", "0.3")


@pytest.mark.parametrize("changes", [{"measure": "pairing_accuracy"}, {"picture": "lines"}, {"picture": "curves"}])
def test_a_study_of_subsets_measures_what_subsets_have_and_draws_bars(changes):
    with pytest.raises(
        ValueError, match="a study of subsets is a picture of bars and measures one of accuracy, macro_f1"
    ):
        study(subsets=True, **changes)


# --- costs and curves -------------------------------------------------------------------------------------------------

RESULT = {
    "method": "fedbind", "seed": 0, "accuracy": 0.5, "cpu_seconds": 30.0,
    "seconds": {"total": 1.0, "by_phase": {}, "cpu_by_phase": {"describe": 1.0, "contrast": 9.0, "fine-tune": 20.0}},
    "bytes": {"up": 7_000_000, "down": 9_000_000, "by_phase": {
        "contrast": {"up": 3_000_000, "down": 4_000_000}, "bind": {"up": 500_000, "down": 0},
        "fine-tune": {"up": 2_000_000, "down": 2_000_000}, "self-train": {"up": 1_000_000, "down": 0},
        "evaluate": {"up": 500_000, "down": 3_000_000}}},
    "by_subset": {"g": {"accuracy": 0.5, "macro_f1": 0.4}},
    "curve": {"epoch": [1, 2, 3, 4], "test_accuracy": [0.1, None, 0.3, 0.5]},
}  # fmt: skip


def test_a_job_s_result_gives_its_costs_before_fine_tuning_and_its_curve():
    found = row_of(("one", "p"), RESULT)
    assert found.figures["cpu_seconds_before"] == 10.0
    assert (found.figures["bytes_up_before"], found.figures["bytes_down_before"]) == (3_500_000, 4_000_000)
    assert found.curve == {1: 0.1, 3: 0.3, 4: 0.5} and found.by_subset["g"]["accuracy"] == 0.5
    plain = row_of((), {"method": "mim", "seed": 1, "bytes": {"up": 1, "down": 2}})
    assert plain.figures["cpu_seconds_before"] is None and not plain.curve and not plain.by_subset


def test_costs_stand_beside_the_figures_where_they_are_asked_for():
    rows = [row_of(("one", "p"), {**RESULT, "seed": seed, "cpu_seconds": 30.0 + seed}) for seed in (0, 2)]
    told = list(csv.DictReader(io.StringIO(table_csv(study(costs=True), lines(study(costs=True), rows, ["fedbind"])))))
    assert told[0]["CPU, s"] == "31.0" and told[0]["sent by nodes before it, MB"] == "3.5"
    html = page(study(costs=True), lines(study(costs=True), rows, ["fedbind"]), None, "", "", "", [])
    assert "CPU before fine-tuning, s" in html and ">10.0<" in html
    assert "CPU, s" not in page(study(), lines(study(), rows, ["fedbind"]), None, "", "", "", [])


def with_curve(split, method, seed, **curve):
    return Row(("one", split), method, seed, {"accuracy": 0.5}, {}, {int(k[1:]): v for k, v in curve.items()})


def test_a_curve_by_hand_over_the_epochs_that_all_have():
    rows = [with_curve("p", "fedbind", 0, e1=0.1, e3=0.3, e4=0.9), with_curve("q", "fedbind", 0, e1=0.3, e4=0.5)]
    epochs, mean, std = curve_of(rows)
    assert epochs == [1, 4] and mean == pytest.approx([0.2, 0.7])
    assert std == pytest.approx([np.std([0.1, 0.3], ddof=1), np.std([0.9, 0.5], ddof=1)])
    assert curve_of(rows[:1])[2].tolist() == [0, 0, 0]
    assert curve_of([with_curve("p", "mim", 0)])[0] == []


def test_a_picture_of_curves_is_the_same_for_the_same_jobs_and_none_without_a_curve():
    asked = study(picture="curves")
    rows = [with_curve("p", m, s, e1=0.1 + s / 10, e5=0.6) for m in ("mim", "fedbind") for s in (0, 1)]
    png = curves(asked, rows, ["mim", "fedbind"], "simulated")
    assert png and png.startswith(b"\x89PNG") and png == curves(asked, rows, ["mim", "fedbind"], "simulated")
    assert png != curves(asked, rows[:3], ["mim", "fedbind"], "simulated")
    assert curves(asked, [with_curve("p", "mim", 0)], ["mim"], "simulated") is None
