"""The wire bench: figures from hand-made results, then two settings end to end on the smallest simulated run."""

import json

import pytest
from typer.testing import CliRunner

from cli.app import app
from configs.errors import UserError
from configs.load import load
from simulation.bench.wire.figures import figures
from simulation.bench.wire.run import table
from simulation.bench.wire.settings import FLOAT32, FULL, SETTINGS, overrides_of
from tests.simulation.smallest import SMALLEST


def result(seed, accuracy, curve, mb):
    """A job that sent so many MB in each of its measured rounds, a fifth of it up."""
    sent = [round(1e6 * mb * at) for at in range(1, len(curve) + 1)]
    phases = {"contrast": {"up": sent[-1] // 5, "down": sent[-1] - sent[-1] // 5}, "fine-tune": {"up": 1, "down": 2}}
    return {
        "seed": seed, "accuracy": accuracy, "cpu_seconds": 1.0, "data": {"name": "made", "simulated": True},
        "bytes": {"up": sent[-1] // 5 + 1, "down": sent[-1] - sent[-1] // 5 + 2, "by_phase": phases},
        "round_curve": {"round": list(range(2, 2 * len(curve) + 1, 2)), "accuracy": curve, "bytes": sent},
    }  # fmt: skip


RESULTS = {
    FULL: [result(0, 0.8, [0.2, 0.5, 0.6], 10), result(1, 0.9, [0.4, 0.7, 0.6], 10)],
    FLOAT32: [result(0, 0.8, [0.3, 0.6, 0.7], 6), result(1, 0.7, [0.5, 0.6, 0.7], 6)],
    "int8": [result(0, 0.79, [0.4, 0.5, 0.59], 1), result(1, 0.73, [0.4, 0.5, 0.6], 1)],
    "bf16": [],
}


def test_figures_by_hand():
    """Target: the full models' mean of 0.6 and 0.6 at their last round. They are there at their second: (0.5 + 0.7) / 2."""
    told = figures(RESULTS)
    assert told["target"] == pytest.approx(0.6)
    full, plain, coarse = (told["settings"][name] for name in (FULL, FLOAT32, "int8"))
    assert (full["rounds_to_target"], full["bytes_to_target"]) == (4, 20e6)
    assert (plain["rounds_to_target"], plain["bytes_to_target"]) == (4, 12e6)
    assert coarse["bytes_to_target"] is None and coarse["bytes_training"] == 3e6
    assert told["ratios"]["bytes_to_target_over_full_float32"] == pytest.approx(0.6)
    assert told["ratios"]["bytes_over_full_float32"] == pytest.approx(0.1)
    assert told["ratios"]["by_setting"]["bytes_to_target"] == {FLOAT32: pytest.approx(0.6), "int8": None}
    assert coarse["accuracy_minus_float32"]["mean"] == pytest.approx((-0.01 + 0.03) / 2)
    assert full["bytes_up"] == 6e6 and full["bytes_down"] == 24e6 and full["bytes"] == 30e6 + 3
    assert "bf16" not in told["settings"] and coarse["seeds"] == [0, 1]


def test_without_full_models_there_is_no_ratio():
    told = figures({FLOAT32: RESULTS[FLOAT32]})
    assert told["target"] is None and told["ratios"]["bytes_to_target_over_full_float32"] is None
    assert table(told).splitlines()[1].startswith("float32,0.75,")


def test_while_jobs_are_missing_all_is_over_the_seeds_that_every_setting_has():
    told = figures({**RESULTS, FULL: RESULTS[FULL][:1]})
    assert all(line["seeds"] == [0] for line in told["settings"].values()) and told["target"] == 0.6
    assert told["settings"][FLOAT32]["bytes_to_target"] == 12e6 and told["settings"]["int8"]["bytes_to_target"] is None
    assert figures({})["settings"] == {} and figures({FULL: []})["target"] is None


def test_every_setting_is_a_configuration_with_the_same_budget_and_the_user_s_own_words():
    for name in SETTINGS:
        experiment = load("demo", overrides_of(name, ["rounds.contrast=7"]))
        assert (
            experiment.rounds.contrast == 7 and experiment.evaluation.folds == 0 and experiment.methods == ["fedbind"]
        )
    with pytest.raises(UserError, match="unknown setting 'int9'"):
        overrides_of("int9", [])


def test_two_settings_end_to_end_and_once_more_without_running_anything_again(tmp_path):
    words = [word for word in SMALLEST if not word.startswith(("rounds=", "epochs="))]
    words += ["rounds={autoencoder: 1, contrast: 2, finetune: 1}", "epochs={autoencoder: 1, contrast: 1, finetune: 1}"]
    command = ["bench", "wire", *words, "--setting", FULL, "--setting", "delta_top_k_int8", "--workers", "1",
               "--out", str(tmp_path / "wire"), "--json"]  # fmt: skip
    told = CliRunner().invoke(app, command)
    assert told.exit_code == 0, told.output
    assert "2 jobs, 0 finished before" in told.stderr and "SIMULATED" in told.stderr
    found = json.loads(told.stdout.splitlines()[-1])
    assert found == json.loads((tmp_path / "wire" / "wire.json").read_text())
    assert found["data"]["simulated"] and set(found["settings"]) == {FULL, "delta_top_k_int8"}
    assert 0 < found["ratios"]["by_setting"]["bytes_training"]["delta_top_k_int8"] < 0.3
    again = CliRunner().invoke(app, command)
    assert "2 jobs, 2 finished before" in again.stderr and json.loads(again.stdout.splitlines()[-1]) == found
    other = CliRunner().invoke(app, [*command[:2], "contrast.batch=7", *command[2:]])
    assert "other settings" in str(other.exception or other.stderr)
