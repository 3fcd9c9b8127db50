"""What fine-tuning costs: the arithmetic by hand, runs that do not compare, and the command on two smallest runs."""

import json

import pytest
from typer.testing import CliRunner

from cli.app import app
from configs.errors import UserError
from server.report.finish import finish_run, start_run
from simulation.bench.tune.run import HEAD, SCRATCH, compared, run
from simulation.jobs import run_one
from tests.simulation.smallest import smallest
from tests.simulation.test_unified import UNIFIED


def way(curve, kept, before=0.0, peak=100.0, scratch=False):
    return {
        "scratch": scratch,
        "test_accuracy": kept, "curve": curve, "cpu_seconds": curve[-1][0], "preparing_cpu_seconds": before, "peak_mib": peak,
    }  # fmt: skip


def test_ratios_are_of_the_first_epochs_that_reach_the_lower_of_the_two_accuracies():
    """The head ends at 0.8, training from scratch at 0.75: that is the goal, reached after 2 s and after 30 s.

    Class means give 0.4 after half a second, which from scratch takes 30 s; three epochs of the head take 3.5 s.
    """
    head = way([[0.5, 0.4], [1.0, 0.5], [2.0, 0.75], [4.0, 0.8]], 0.8, before=3.0)
    scratch = way([[10.0, 0.1], [30.0, 0.78], [50.0, 0.75]], 0.75, peak=250.0, scratch=True)
    found = compared({HEAD: head, SCRATCH: scratch})
    assert found["goal_accuracy"] == 0.75 and found["cpu_seconds_to_goal"] == {HEAD: 2.0, SCRATCH: 30.0}
    assert found["class_means"] == {"cpu_seconds": 0.5, "accuracy": 0.4, "scratch_until_there": 30.0}
    assert found["ratios"] == {
        "cpu_to_the_same_accuracy": 15.0, "cpu_to_the_same_accuracy_with_latents": 6.0,
        "cpu_to_what_class_means_give": 60.0, "cpu_per_epoch": pytest.approx(50 / 3.5), "cpu_in_all": 12.5,
        "peak_memory": 2.5, "test_accuracy_points": pytest.approx(5.0),
    }  # fmt: skip


def test_from_scratch_class_means_that_are_better_than_it_ever_becomes_are_met_at_its_own_best():
    head = way([[0.5, 0.9], [1.0, 0.9]], 0.9)
    scratch = way([[10.0, 0.1], [20.0, 0.6]], 0.6, scratch=True)
    assert compared({HEAD: head, SCRATCH: scratch})["ratios"]["cpu_to_what_class_means_give"] == 40.0


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = []
    for more in (UNIFIED, []):
        experiment = smallest("methods=[fedbind]", "groups.finetune.labels_per_class=5", *more)
        folder = start_run(experiment, tmp_path_factory.mktemp("tuned") / "run")
        run_one(experiment, "fedbind", 0, folder)
        finish_run(folder, experiment)
        made.append(folder.path)
    return made


def test_the_command_ends_with_one_object_that_says_what_data_it_is_of(runs):
    told = CliRunner().invoke(app, ["bench", "tune", *map(str, runs), "--epochs", "3", "--json"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout.splitlines()[-1])
    assert found["data"]["simulated"] is True and found["seeds"] == [0]
    assert found["ratios"]["cpu_per_epoch"]["mean"] > 0
    epochs = {way: len(each["curve"]) for way, each in found["by_seed"][0]["ways"].items()}
    assert epochs.pop(SCRATCH) == 3 and set(epochs.values()) == {4}  # the others begin with class means alone


def test_seeds_that_one_of_the_runs_has_not_finished_are_left_out(runs, tmp_path):
    experiment = smallest("methods=[fedbind]", "groups.finetune.labels_per_class=5", *UNIFIED, "seeds=[0,1]")
    begun = start_run(experiment, tmp_path / "begun")
    with pytest.raises(UserError, match="finished no seed in common"):
        run(begun.path, runs[1], [], [], print)
    run_one(experiment, "fedbind", 0, begun)
    assert run(begun.path, runs[1], [], ["--epochs", "1"], print)["seeds"] == [0]


def test_runs_that_do_not_compare_are_refused(runs):
    unified, against = runs
    with pytest.raises(UserError, match=r"models\.encoder = modality"):
        run(against, against, [], [], print)
    with pytest.raises(UserError, match=r"models\.encoder = unified"):
        run(unified, unified, [], [], print)
