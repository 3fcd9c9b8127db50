"""The benchmark of rounds at its smallest: the plain loop and the local engine agree, and the form of what is told."""

import json

import numpy as np
import pytest
import torch

from cli.app import call
from simulation.bench.rounds.systems.registry import RATIOS, SYSTEMS, ratios_of
from simulation.bench.rounds.task import MODELS, batched_round, beginning, difference, plain_round, trained


@pytest.mark.parametrize("model", MODELS)
def test_the_plain_loop_is_the_mean_of_what_nodes_train_alone(model):
    start = beginning(model)
    apart = [trained(model, node, start)[0] for node in range(3)]
    mean = {name: np.mean([each[name] for each in apart], axis=0) for name in start}
    plain = plain_round(model, 3, {name: torch.from_numpy(value) for name, value in start.items()})
    assert difference(mean, {name: value.numpy() for name, value in plain.items()}) < 1e-6
    assert difference(mean, start) > 1e-4
    assert model != "mlp" or sum(value.size for value in start.values()) == 101_770


@pytest.mark.parametrize("side_by_side", [1, 2, 5])
def test_nodes_side_by_side_end_where_the_plain_loop_ends(side_by_side):
    start = {name: torch.from_numpy(value) for name, value in beginning("mlp").items()}
    plain, batched = plain_round("mlp", 5, start), batched_round("mlp", 5, start, side_by_side)
    assert difference(*({name: value.numpy() for name, value in each.items()} for each in (plain, batched))) < 2e-6


def test_every_ratio_that_is_promised_is_of_systems_that_are_there_or_may_come():
    assert {"ray_wall_over_plain", "ray_cpu_over_plain", "ray_cpu_over_flower_ray", "ray_wall_over_pfl",
            "batched_cpu_over_plain", "start_over_flower_ray"} <= set(RATIOS)  # fmt: skip
    assert {name for sides in RATIOS.values() for name in sides[:2]} <= {*SYSTEMS, "pfl"}


def test_ratios_are_of_the_sides_that_were_run():
    figures = {"plain": {"wall": 2.0, "cpu": 4.0, "start": None}, "ray": {"wall": 1.0, "cpu": 5.0, "start": 3.0}}
    told = ratios_of(figures)
    assert (told["ray_wall_over_plain"], told["ray_cpu_over_plain"]) == (0.5, 1.25)
    assert ratios_of({**figures, "pfl": {"wall": 4.0, "cpu": 1.0, "start": None}})["ray_wall_over_pfl"] == 0.25
    assert (
        told["ray_cpu_over_flower_ray"] is None
        and told["ray_wall_over_pfl"] is None
        and told["start_over_flower_ray"] is None
    )


def test_a_side_that_took_less_than_the_system_counts_has_no_ratio():
    # The processor's time comes in ticks of 10 ms: very small tasks take none.
    figures = {
        "plain": {"wall": 0.001, "cpu": 0.0, "start": None},
        "batched": {"wall": 0.001, "cpu": 0.0, "start": 1.0},
    }
    assert ratios_of(figures)["batched_cpu_over_plain"] is None
    figures["plain"]["cpu"] = 0.01
    assert ratios_of(figures)["batched_cpu_over_plain"] == 0.0


@pytest.mark.slow
def test_the_command_ends_with_one_json_object(capsys):
    code = call(["bench", "rounds", "--model", "mlp", "--nodes", "40", "--rounds", "3", "--warm-up", "1", "--turns", "1",
                 "--system", "plain", "--system", "local", "--system", "batched", "--json"])  # fmt: skip
    told = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert code == 0 and told["ratios"]["local_cpu_over_plain"] is not None
    assert told["ratios"]["ray_wall_over_pfl"] is None and told["models"]["mlp"]["furthest_weight"] < 1e-5
    assert told["models"]["mlp"]["systems"]["local"]["start"] > 0
    assert told["ratios"]["batched_cpu_over_plain"] is not None


def test_pfl_is_asked_for_only_where_it_is(tmp_path, capsys):
    assert call(["bench", "rounds", "--system", "pfl"]) == 2
    assert "benchmarks/pfl_env.sh" in capsys.readouterr().err
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    assert call(["bench", "rounds", "--system", "pfl", "--pfl", str(tmp_path), "--warm-up", "0"]) == 2
    assert "first round" in capsys.readouterr().err
