"""The search before it runs: which experiments it asks for, and that what lies there must be of the same settings."""

import json

import pytest
import yaml

from configs.comparison import Plan, axes_of
from configs.errors import UserError
from configs.load import load
from configs.study import Study, cells
from simulation.compare import tune as module
from simulation.compare.tune import searches, server_rate_of, tune
from strategies.fedavg import FedAvg


class Bare(FedAvg):
    """A rule of one's own without parameters."""


def grid_of(*over, plan=None, overrides=()):
    study = Study(name="x", title="", explains="", base="demo", overrides=["methods=[fedbind]", *overrides],
                  axes=axes_of(over, [], load("demo")))  # fmt: skip
    return study, cells(study), plan or Plan(tries=3)


def test_each_strategy_is_searched_once_at_the_first_of_the_other_settings_or_everywhere():
    study, grid, plan = grid_of("alpha=1,2", "bind.partners=1,2", "strategy=fedavg,fedadam")
    assert list(searches(study, grid, plan)) == [("fedavg", "1", "1"), ("fedadam", "1", "1")]
    assert len(searches(study, grid, Plan(tries=3, tune_each=True))) == 8


def test_a_search_looks_at_no_test_person_s_curve_and_has_folds_to_judge_by():
    study, grid, plan = grid_of(
        "strategy=fedadam", overrides=["evaluation.folds=0", "seeds=[4, 5]", "evaluation.every=1"]
    )
    (tries,) = searches(study, grid, plan).values()
    (rates, experiment), *_ = tries
    assert rates == [] and experiment.seeds == [4] and experiment.evaluation.folds == 2
    settings = experiment.evaluation
    assert not (settings.curve or settings.curve_every or settings.embeddings or settings.every or settings.personal)
    assert [each.strategy.parameters["eta"] for _, each in tries[1:]] == pytest.approx([0.01, 0.001])
    (others,) = searches(study, grid, Plan(tries=5, tune_seed=9)).values()
    assert others[4][1].strategy.parameters["eta"] == pytest.approx(0.01)
    assert others[4][1].contrast.rate == pytest.approx(0.001 / 10**0.5, rel=1e-4)
    assert others[0][1].seeds == [9]


def test_rates_of_rules_with_one_and_without():
    assert server_rate_of(load("demo", ["strategy.name=fedyogi"])) == ("eta", 0.01)
    assert server_rate_of(load("demo", ["strategy.name=scaffold", "strategy.parameters.server_rate=2"])) == (
        "server_rate",
        2,
    )
    assert server_rate_of(load("demo")) is None
    assert server_rate_of(load("demo", [f"strategy.name={__name__}:Bare"])) is None


def test_results_that_lie_there_are_read_and_must_be_of_the_same_settings(tmp_path, monkeypatch):
    study, grid, plan = grid_of("strategy=fedavg")
    ran = []

    def noted(tasks, workers, tell):
        ran.extend(task for task in tasks if not task.result.is_file())
        for number, task in enumerate(tasks):
            task.result.parent.mkdir(parents=True, exist_ok=True)
            told = {
                "validation_by_share": {"0.1": [0.5, 0.8, 0.6][number]},
                "cpu_seconds": 2.0,
                "accuracy": 1 - number / 9,
            }
            task.result.write_text(json.dumps(told))
            (task.folder / "config.yaml").write_text(yaml.safe_dump(task.experiment.model_dump(mode="json")))
        return {}

    monkeypatch.setattr(module, "run_tasks", noted)
    for before in (3, 3):  # the second time nothing is left to run
        (done,) = tune(study, grid, plan, tmp_path, 1, ran.append)
        assert len(ran) == before and done.overrides == ["contrast.rate=0.000316228"] and done.cpu_seconds == 6
    assert json.loads((tmp_path / "tuning.json").read_text())[0]["taken"] == 1
    study, grid, plan = grid_of("strategy=fedavg", overrides=["bind.partners=2"])
    with pytest.raises(UserError, match="other settings: bind"):
        tune(study, grid, plan, tmp_path, 1, ran.append)
