"""Which epochs are tested: more of them for a picture change no figure; the chosen one is a network that there is."""

import pytest

import server.phases.finetune
from server.state import load_blocks
from tests.simulation.smallest import smallest, whole_run

ONE = ["methods=[fedbind]", "epochs.finetune=8", "rounds.finetune=2"]


def told(result):
    return {name: value for name, value in result.items() if name not in ("seconds", "cpu_seconds", "bytes", "curve")}


@pytest.mark.parametrize("curve", [False, True])
def test_a_curve_from_the_first_epoch_on_changes_nothing_else(tmp_path, curve):
    late = ["epochs.finetune=84", "rounds.finetune=2"] if curve else []
    asked = [*ONE, *late, f"evaluation.curve={str(curve).lower()}"]
    without, _ = whole_run(smallest(*asked), tmp_path / "without")
    drawn, _ = whole_run(smallest(*asked, "evaluation.curve_every=3"), tmp_path / "drawn")
    one, other = without["fedbind", 0], drawn["fedbind", 0]
    assert told(one) == told(other)
    epochs = [epoch for epoch, value in enumerate(other["curve"]["test_accuracy"], start=1) if value is not None]
    last = 84 if curve else 8
    assert set(epochs) == {*range(1, last + 1, 3), last, *(range(81, last + 1) if curve else [])}
    assert (other["accuracy_epochs_81_200"] is None) != curve
    before = [value for value in one["curve"]["test_accuracy"] if value is not None]
    assert len(before) == (4 if curve else 1)
    for epoch, value in enumerate(one["curve"]["test_accuracy"]):
        assert value is None or value == other["curve"]["test_accuracy"][epoch]
    ends = [load_blocks(tmp_path / name / "jobs" / "fedbind-seed0" / "checkpoint") for name in ("without", "drawn")]
    for name, block in ends[0].items():
        assert all((block[key] == ends[1][name][key]).all() for key in block)


def test_of_several_nodes_the_chosen_network_is_the_average_at_the_end_of_its_message(tmp_path, monkeypatch):
    monkeypatch.setattr(server.phases.finetune, "choose_epoch", lambda accuracy, examples: 3)
    asked = smallest(*ONE, "evaluation.folds=2", "evaluation.curve=false", "groups.finetune.nodes=2")
    result = whole_run(asked, tmp_path / "run")[0]["fedbind", 0]
    assert result["chosen_epoch"] == 4
    assert result["accuracy"] == result["curve"]["test_accuracy"][3]
    one_node = smallest(*ONE, "evaluation.folds=2", "evaluation.curve=false")
    assert whole_run(one_node, tmp_path / "one")[0]["fedbind", 0]["chosen_epoch"] == 3


def test_cpu_time_is_told_by_phase(tmp_path):
    result = whole_run(smallest(*ONE), tmp_path / "run")[0]["fedbind", 0]
    by_phase = result["seconds"]["cpu_by_phase"]
    assert by_phase.keys() == result["seconds"]["by_phase"].keys()
    assert 0 < sum(by_phase.values()) <= result["cpu_seconds"] + 0.1
