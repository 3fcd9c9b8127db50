"""The benchmark of growth at its smallest: any number of nodes, what is told of each size, and that a size is kept."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.app import call
from configs.nodes import node_places
from simulation.bench.memory import peak_bytes
from simulation.bench.scale.experiment import LEAST_NODES, experiment_of
from simulation.bench.scale.run import growth, per_node


@given(st.integers(LEAST_NODES, 60))
def test_every_node_has_a_person_of_its_own(nodes):
    experiment = experiment_of(nodes, 2)
    people = [person for own in experiment.split.values() for person in own]
    assert len(node_places(experiment)) == nodes == len(set(people)) == len(people)
    assert [len(experiment.split[name]) for name in experiment.groups] == [g.nodes for g in experiment.groups.values()]


def test_growth_is_the_power_of_the_number_of_nodes_and_ratios_are_by_node():
    rows = [{"nodes": n, "wall_round": 3.0 * n**1.5, "wall_per_node": n**0.5} for n in (4, 100, 1000)]
    assert growth(rows) == pytest.approx(1.5)
    assert per_node(rows, 1000, 100) == pytest.approx(10**0.5)
    assert per_node(rows, 10_000, 100) is None and growth(rows[:1]) is None


def test_the_command_ends_with_one_json_object_and_goes_on_where_it_stopped(tmp_path, capsys):
    command = ["bench", "scale", "--nodes", "6", "--nodes", "4", "--engine", "local", "--rounds", "2", "--warm-up", "1",
               "--out", str(tmp_path), "--json"]  # fmt: skip
    assert call(command) == 0
    told = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert told["ratios"] == {"per_node_1000_over_100": None, "per_node_10000_over_100": None}
    small, large = told["sizes"]["local"]
    assert [row["nodes"] for row in (small, large)] == [4, 6] and told["driver_peak_nodes"] == 6
    assert told["driver_peak_bytes"] == large["driver_peak_bytes"] and peak_bytes(2**30) == 0
    assert [row["answered"] for row in (small, large)] == [2, 4]  # those that pre-train
    assert all(len(row["wall"]) == 2 and row["loss"] > 0 and row["numbers"] > 1000 for row in (small, large))
    assert large["bytes_per_node"] == pytest.approx(small["bytes_per_node"], rel=0.01)  # nobody's grows with the others
    assert large["bytes_up"] > 4 * 4 * large["numbers"]

    kept = json.loads((tmp_path / "local-4.json").read_text())
    kept["told"]["loss"] = 1234.5
    (tmp_path / "local-4.json").write_text(json.dumps(kept))
    assert call(command) == 0
    again = json.loads(capsys.readouterr().out.strip().splitlines()[-1])["sizes"]["local"]
    assert again[0]["loss"] == 1234.5 and again[1] == large


@pytest.mark.slow
def test_both_engines_train_the_same_on_as_many_bytes(capsys):
    code = call(["bench", "scale", "--nodes", "5", "--engine", "ray", "--engine", "local", "--rounds", "1", "--warm-up", "0",
                 "--workers", "2", "--json"])  # fmt: skip
    sizes = json.loads(capsys.readouterr().out.strip().splitlines()[-1])["sizes"]
    (on_ray,), (local,) = sizes["ray"], sizes["local"]
    assert code == 0 and on_ray["loss"] == local["loss"] and on_ray["bytes_up"] == local["bytes_up"]
    assert len(on_ray["actor_peak_bytes"]) == 2 and local["actor_peak_bytes"] == []


def test_too_few_nodes_and_an_unknown_engine_are_told(capsys):
    assert call(["bench", "scale", "--nodes", "3", "--engine", "local"]) == 2
    assert "4 or more" in capsys.readouterr().err
    assert call(["bench", "scale", "--engine", "rya"]) == 2
    assert "ray" in capsys.readouterr().err
