"""Which rate the folds choose, by hand; and that a run follows them."""

import numpy as np
import pytest

import client.training.finetune
from configs.errors import UserError
from server.phases.finetune import choose_share
from tests.simulation.smallest import TWO_NODES_A_GROUP, smallest, whole_run

TWO = ["methods=[lower_bound, fedbind]", "epochs.finetune=8", "rounds.finetune=2", "evaluation.folds=2"]


def test_the_second_half_of_the_epochs_decides_and_the_first_of_equals_wins():
    early = np.array([1.0, 1.0, 0.25, 0.25])
    late = np.array([0.0, 0.0, 0.5, 0.25])
    assert choose_share([early, late]) == 1
    assert choose_share([late, late]) == 0
    assert choose_share([np.zeros(4)]) == 0


def test_every_share_is_tried_on_every_fold_and_the_better_one_trains_on_all(tmp_path, monkeypatch):
    asked = smallest(*TWO, "evaluation.curve=false", "finetune.encoder_rate_share=[0.0, 0.5]")
    counted = client.training.finetune.count_correct
    shares = []

    def kinder_to_half(tuning, data):
        share = tuning.optimiser.param_groups[1]["share"]
        shares.append(share)
        return len(data) if share == 0.5 else min(counted(tuning, data), len(data) - 1)

    monkeypatch.setattr(client.training.finetune, "count_correct", kinder_to_half)
    results, _ = whole_run(asked, tmp_path / "run")
    found = results["fedbind", 0]
    assert found["encoder_rate_share"] == 0.5
    assert found["validation_by_share"]["0.5"] == 1.0 > found["validation_by_share"]["0"]
    assert shares.count(0.0) == shares.count(0.5) == 2 * 8
    assert found["curve"]["validation_accuracy"] == [1.0] * 8
    bound = results["lower_bound", 0]  # nothing was taught, so there is nothing to slow down
    assert bound["encoder_rate_share"] == 1.0 and list(bound["validation_by_share"]) == ["1"]


def test_the_chosen_share_alone_gives_the_same_network(tmp_path):
    chosen, _ = whole_run(smallest(*TWO, "finetune.encoder_rate_share=[0.1, 1.0]"), tmp_path / "two")
    share = chosen["fedbind", 0]["encoder_rate_share"]
    alone, _ = whole_run(smallest(*TWO, f"finetune.encoder_rate_share={share}"), tmp_path / "one")
    assert alone["fedbind", 0]["curve"] == chosen["fedbind", 0]["curve"]


def test_with_several_nodes_the_folds_judge_their_aggregate_and_not_what_each_had_before(tmp_path, monkeypatch):
    monkeypatch.setattr(client.training.finetune, "count_correct", lambda tuning, data: 0)
    asked = smallest(*TWO_NODES_A_GROUP, *TWO, "methods=[fedbind]", "evaluation.personal=true")
    results, _ = whole_run(asked, tmp_path / "run")
    found = results["fedbind", 0]
    accuracy = found["curve"]["validation_accuracy"]
    assert accuracy[:4] == [accuracy[0]] * 4 and accuracy[4:] == [accuracy[4]] * 4
    by_node = found["personal"]["shared"]["nodes"]
    right = sum(each["accuracy"] * each["examples"] for each in by_node.values())
    assert accuracy[-1] * sum(each["examples"] for each in by_node.values()) == pytest.approx(right)
    assert accuracy[-1] > 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["finetune.encoder_rate_share=[0.1, 1.0]", "evaluation.folds=0"], "evaluation.folds=0 makes none"),
        (["finetune.encoder_rate_share=[0.1, 0.1]", "evaluation.folds=2"], "each once"),
        (["finetune.encoder_rate_share=[]"], "is no list of shares"),
        (["finetune.encoder_rate_share=[2.0]"], "finetune.encoder_rate_share"),
    ],
)
def test_shares_that_cannot_be_chosen_among_are_told(change, told):
    with pytest.raises(UserError) as error:
        smallest(*change)
    assert told in str(error.value)
