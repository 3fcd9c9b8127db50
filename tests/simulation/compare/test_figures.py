"""A comparison's figures by hand: means, targets, what is told where something was not reached."""

import pytest

from simulation.compare.figures import Row, lines, mean_curve, reached, row_of, target_of
from simulation.compare.ranking import ranking
from simulation.compare.tables import as_json, curves_csv, jobs_csv, ranking_csv, table_csv
from simulation.compare.tune import Try, chosen, tuned_at, validation_of


def row(strategy, place, seed, accuracy, curve=None, **more):
    told = {at: (value, 100 * at, None) for at, value in (curve or {}).items()}
    return Row(strategy, place, seed, accuracy, curve=told, **more)


ROWS = [
    row("good", ("x",), 0, 0.8, {2: 0.5, 4: 0.9}, worst_decile=0.6, node_std=0.1),
    row("good", ("x",), 1, 0.6, {2: 0.9, 4: 0.7}, worst_decile=0.2, node_std=0.3),
    row("slow", ("x",), 0, 0.5, {2: 0.1, 4: 0.6}, worst_decile=0.4),
    row("slow", ("x",), 1, 0.7, {2: 0.1, 4: 0.6}),
    row("good", ("y",), 0, 0.4, {2: 0.2, 4: 0.4}),
    row("good", ("y",), 1, 0.2, {2: 0.2, 4: 0.4}),
    row("slow", ("y",), 0, 0.4, {2: 0.3, 4: 0.5}),
]


def test_the_target_is_a_share_of_the_best_last_mean():
    at_x = [each for each in ROWS if each.place == ("x",)]
    assert mean_curve(at_x[:2])[2] == (pytest.approx(0.7), 200, None)
    assert target_of(at_x, 0.5) == pytest.approx(0.4)  # half of 0.8
    assert reached(at_x[:2], 0.4) == (2, 200, None) and reached(at_x[2:], 0.4) == (4, 400, None)
    assert (
        reached(at_x[2:], 0.61) is None and reached(at_x, None) is None and target_of([row("a", (), 0, 1.0)], 1) is None
    )


def test_a_line_a_setting_and_one_over_all_at_last():
    found = lines(ROWS, ["good", "slow", "absent"], 0.95)
    assert [(each.strategy, each.place) for each in found] == [
        ("good", ("x",)), ("slow", ("x",)), ("good", ("y",)), ("slow", ("y",)), ("good", None), ("slow", None),
    ]  # fmt: skip
    x, slow_x, _, slow_y, over, slow = found
    assert x.accuracy["mean"] == pytest.approx(0.7) and x.accuracy["per_seed"] == [0.8, 0.6] and x.jobs == 2
    assert x.worst_decile == pytest.approx(0.4) and slow_x.worst_decile is None  # one seed has none
    assert x.rounds_to_target == 4 and slow_x.rounds_to_target is None  # 0.95 × 0.8; its best is 0.6
    assert slow_y.rounds_to_target == 4 and slow.rounds_to_target is None  # not reached at x
    assert over.accuracy["per_seed"] == [pytest.approx(0.6), pytest.approx(0.4)]
    assert over.rounds_to_target is None  # at y 0.4 of 0.5 × 0.95
    assert lines(ROWS[:4], ["good", "slow"], 0.5)[-1].place == ("x",)  # one setting needs no line over all


def test_ranking_by_hand():
    found = ranking(ROWS, ["slow", "good", "absent"])
    assert found.blocks == 3  # y, seed 1 is missing for slow
    assert [each.strategy for each in found.order] == ["good", "slow"]
    best, other = found.order
    assert best.mean == pytest.approx((0.7 + 0.4) / 2) and other.mean == pytest.approx((0.6 + 0.4) / 2)
    assert other.difference == pytest.approx((0.1 + 0.0) / 2) and other.low is None  # of three pairs no interval
    assert best.rank == pytest.approx((1 + 2 + 1.5) / 3) and found.critical is None


def test_enough_blocks_give_intervals_and_a_critical_difference():
    from simulation.compare.ranking import critical_difference

    rows = [
        row(name, (), seed, level + seed / 1000)
        for name, level in (("a", 0.9), ("b", 0.5), ("c", 0.1))
        for seed in range(10)
    ]
    found = ranking(rows, ["c", "b", "a"])
    assert [each.rank for each in found.order] == [1, 2, 3] and found.p < 0.001
    assert found.order[1].low == pytest.approx(0.4) == pytest.approx(found.order[1].high)
    assert found.critical == critical_difference(3, 10)
    assert critical_difference(5, 30) == pytest.approx(
        2.728 * (5 * 6 / (6 * 30)) ** 0.5, abs=1e-3
    )  # Demšar 2006, table 5
    assert ranking([], ["a"]).order == []


def test_the_tables_and_the_object_for_machines():
    found, order = lines(ROWS, ["good", "slow"], 0.95), ranking(ROWS, ["good", "slow"])
    tuned = [chosen(("good", "x"), [Try([], 0.4, 2.0), Try(["contrast.rate=1"], 0.6, 3.0)])]
    told = as_json(found, order, tuned)
    assert set(told["strategies"]) == {"good", "slow"} and [e["strategy"] for e in told["ranking"]] == ["good", "slow"]
    good = told["strategies"]["good"]
    assert set(good["accuracy"]) == {"mean", "std", "per_seed"} and set(good["settings"]) == {"x", "y"}
    assert {"worst_decile", "rounds_to_target", "bytes_to_target"} <= set(good)
    assert good["tuning"] == {"cpu_seconds": 5.0, "tries": 2, "taken": [["contrast.rate=1"]]}
    assert table_csv(["alpha"], found).splitlines()[5].startswith("good,all,")
    assert jobs_csv(["alpha"], ROWS).splitlines()[1].startswith("good,x,0,0.8,0.6,")
    assert curves_csv(["alpha"], ROWS).splitlines()[1] == "good,x,0,2,0.5,200,"
    assert ranking_csv(order).splitlines()[1].startswith("good,")


def test_the_search_takes_the_best_validation_and_of_equals_the_first():
    tries = [Try(["a"], None, 1.0), Try(["b"], 0.5, 1.0), Try(["c"], 0.7, 1.0), Try(["d"], 0.7, 1.0)]
    assert chosen(("s", "x"), tries).overrides == ["c"] and chosen(("s", "x"), tries).cpu_seconds == 4
    assert chosen(("s",), [Try([], None, 0.0), Try(["a"], None, 0.0)]).overrides == []  # all failed
    done = [chosen(("s", "x"), tries), chosen(("s", "y"), tries[:2])]
    assert (
        tuned_at(done, ("s", "y")) == ["b"] and tuned_at(done, ("s", "z")) == ["c"] and tuned_at(done, ("t", "x")) == []
    )


def test_validation_is_read_and_nothing_of_the_test_people():
    result = {"validation_by_share": {"0.1": 0.4, "0": 0.6}, "accuracy": 1.0}
    assert validation_of(result) == 0.6 and validation_of({"accuracy": 1.0}) is None


def test_a_result_becomes_a_row():
    result = {
        "seed": 3, "accuracy": 0.5, "bytes": {"up": 2, "down": 3}, "cpu_seconds": 1.0, "simulated_seconds": {"total": 9.0},
        "by_node": {"worst_decile": 0.1, "std": 0.2},
        "personal": {"own": {"mean": 0.7, "worst_decile": 0.2, "std": 0.1}, "shared": {"mean": 0.6}},
        "round_curve": {"round": [1, 2], "accuracy": [0.3, None], "bytes": [5, 6], "simulated_seconds": [1.5, 2.0]},
    }  # fmt: skip
    curve = {1: (0.3, 5, 1.5)}
    assert row_of(("s", "x"), result) == Row(
        "s", ("x",), 3, 0.5, 0.1, 0.2, 5, 1.0, 9.0, curve, personal=0.7, personal_worst_decile=0.2,
        personal_node_std=0.1, shared=0.6,
    )  # fmt: skip
    assert row_of(("s",), {"seed": 0, "accuracy": 0.5, "bytes": {"up": 0, "down": 0}, "cpu_seconds": 0.0}).curve == {}
