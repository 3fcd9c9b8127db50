"""`bind.by=auto` and `fedbind choose`: every shared modality is a candidate, and a run takes what was recommended."""

import json

import pytest

from cli.app import call
from configs.errors import UserError
from configs.load import check, dump
from server.binding.choice import Candidate
from server.binding.score import Score
from server.binding.steps import Step
from server.report.finish import finish_run
from server.tracking import RunFolder
from simulation.choose import Choice, choice_lines, choose, experiment_to_choose_for
from simulation.jobs import run_one
from tests.simulation.smallest import SMALLEST, smallest, whole_run

BOTH = [
    "data.modalities.resp={frames: 51}", "groups.a.modalities=[resp, acc, ecg]", "groups.b.modalities=[acc, eda, resp]",
]  # fmt: skip
THREE_GROUPS = [
    "data.modalities.resp={frames: 51}",
    "split={a: [1], b: [2], c: [3], finetune: [4], test: [5, 6]}",
    "groups={a: {modalities: [acc, resp]}, b: {modalities: [acc, ecg]}, c: {modalities: [resp, eda]}, "
    "finetune: {modalities: [ecg, eda], labels_per_class: 3}, test: {modalities: [ecg, eda]}}",
]
AUTO = ["methods=[fedbind]", "bind.by=auto"]


# --- what auto means --------------------------------------------------------------------------------------------------


def test_auto_is_every_modality_that_two_groups_share_and_the_resolved_experiment_says_so():
    bind = smallest(*BOTH, *AUTO).bind
    assert (bind.by, bind.order) == (["resp", "acc"], "chosen")
    assert smallest(*THREE_GROUPS, *AUTO).bind.modalities == ["acc", "resp"]
    alone = smallest(*AUTO)
    assert (alone.bind.by, alone.bind.order) == ("acc", "chosen")
    assert check(json.loads(alone.model_dump_json())) == alone and "by: acc" in dump(alone)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["groups.a.modalities=[ecg]", "groups.b.modalities=[eda]"],
         "auto finds no modality that two groups share; bind.by=label needs none"),
        ([*BOTH, "methods=[dcm]"], "dcm needs one sensor that all groups share; bind.by is ['resp', 'acc']"),
    ],
)  # fmt: skip
def test_what_auto_cannot_stand_for_is_told(overrides, said):
    with pytest.raises(UserError) as error:
        smallest(*AUTO, *overrides)
    assert said in str(error.value)


def test_a_lower_bound_needs_nothing_to_be_shared():
    groups = ["groups.a.modalities=[ecg]", "groups.b.modalities=[eda]"]
    assert smallest("methods=[lower_bound]", "bind.by=auto", *groups).methods == ["lower_bound"]


# --- a run ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    path = tmp_path_factory.mktemp("auto") / "run"
    experiment = smallest(*BOTH, *AUTO)
    results, _ = whole_run(experiment, path)
    finish_run(RunFolder.open(path), experiment)
    return experiment, results["fedbind", 0], path


def test_a_run_tells_the_candidates_the_reason_and_how_right_they_are(ran):
    _, result, path = ran
    lines = (path / "jobs" / "fedbind-seed0" / "metrics.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    (told,) = [e["text"] for e in events if e["event"] == "note"]
    entries = {entry["by"]: entry for entry in result["candidates"]}
    assert set(entries) == {"acc", "resp"} and sum(entry["taken"] for entry in entries.values()) == 1
    best = max(entries.values(), key=lambda entry: entry["score"])
    assert best["taken"] and f"bound by {best['by']}: its events" in told and told.startswith("a and b share ")
    assert all(f"{by} (score {entry['score']:.2f}" in told for by, entry in entries.items())
    assert all(0 <= entry["pairing_accuracy"] <= 1 for entry in entries.values())
    said, bound = (next(i for i, e in enumerate(events) if e == each) for each in (
        next(e for e in events if e["event"] == "note"),
        next(e for e in events if e["event"] == "round" and e["phase"] == "bind"),
    ))  # fmt: skip
    assert said < bound
    page = (path / "report.html").read_text()
    assert "By which modality" in page and f"{100 * best['pairing_accuracy']:.1f}" in page and "1 of 1" in page


def test_what_was_bound_by_is_all_that_counts(ran, tmp_path):
    """The pairs and what is too alike to tell come from the modality that was taken, and from no other."""
    _, result, _ = ran
    (taken,) = [entry for entry in result["candidates"] if entry["taken"]]
    assert result["pairing_accuracy"] == pytest.approx(taken["pairing_accuracy"])


def test_a_modality_that_was_given_is_told_beside_the_scores(tmp_path):
    experiment = smallest(*BOTH, "methods=[fedbind]", "bind.by=[acc, resp]")
    result = run_one(experiment, "fedbind", 0, RunFolder.create(tmp_path / "run"))
    assert [(entry["by"], entry["taken"]) for entry in result["candidates"]] == [("acc", True), ("resp", False)]
    text = (tmp_path / "run" / "jobs" / "fedbind-seed0" / "metrics.jsonl").read_text()
    assert "bound by acc: it is named first in bind.by" in text


def test_where_one_is_named_and_others_are_shared_the_command_is_pointed_to(tmp_path):
    experiment = smallest(*BOTH, "methods=[fedbind]", "bind.by=acc")
    result = run_one(experiment, "fedbind", 0, RunFolder.create(tmp_path / "run"))
    text = (tmp_path / "run" / "jobs" / "fedbind-seed0" / "metrics.jsonl").read_text()
    assert "groups share resp as well: `fedbind choose` tells which promises most" in text
    assert "candidates" not in result


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_s_scores_and_choice_are_those_of_a_run(ran):
    experiment, result, _ = ran
    lines = []
    found = choose(experiment, lines.append)
    assert found.simulated and found.seed == 0 and lines[-1] == "shared encoders: round 2 of 2"
    entries = {entry["by"]: entry for entry in result["candidates"]}
    for each in found.candidates:
        assert each.score.score == entries[each.step.by]["score"]
        assert each.accuracy == entries[each.step.by]["pairing_accuracy"]
    assert [step.by for step in found.taken] == [entry["by"] for entry in entries.values() if entry["taken"]]


def test_the_command_prints_table_recommendation_and_agreement(capsys):
    code = call(["choose", "demo", *SMALLEST, *BOTH, "bind.by=acc", "methods=[lower_bound, dcm, fedbind]"])
    out, err = capsys.readouterr()
    assert code == 0 and "shared encoders: round 2 of 2" in err
    assert out.startswith("wearable_sim (SIMULATED), seed 0\n")
    assert "modality  score  separability  node guess  true pairing accuracy" in out
    assert "to bind so: bind.by=" in out and "rank" in out.splitlines()[-1]


def test_three_groups_have_a_recommendation_for_each_two_that_share():
    found = choose(experiment_to_choose_for("demo", [*SMALLEST, *THREE_GROUPS, "bind.by=label"]), lambda text: None)
    text = "\n".join(choice_lines(found))
    assert "groups  modality" in text and "a–b: acc: nothing else is shared by a and b" in text
    assert "bind.by=[" in text and "bind.order=chosen" in text
    assert text.splitlines()[-1].endswith("there are no two candidates to compare")


def test_groups_that_share_nothing_have_nothing_to_choose_from(capsys):
    code = call(["choose", "demo", *SMALLEST, "groups.a.modalities=[ecg]", "groups.b.modalities=[eda]"])
    assert code == 2 and "auto finds no modality that two groups share" in capsys.readouterr().err


def made(*figures, taken):
    found = [Candidate(Step("a", "b", by), Score(s, s, 0.0), right) for by, s, right in figures]
    return Choice("toy", False, 3, found, [Step("a", "b", taken)])


def test_the_last_line_tells_honestly_whether_the_ranking_holds():
    right = made(("acc", 0.9, 0.8), ("gyr", 0.8, 0.7), taken="acc")
    assert choice_lines(right)[0] == "toy (real recordings), seed 3"
    assert choice_lines(right)[-1] == "the score ranks as the true pairing accuracy does"
    partly = made(("acc", 0.9, 0.8), ("gyr", 0.8, 0.6), ("skeleton", 0.7, 0.7), taken="acc")
    assert choice_lines(partly)[-1] == (
        "the score and the true pairing accuracy rank alike in 2 of 3 comparisons; what is best by it is taken all the same"
    )
    wrong = made(("acc", 0.9, 0.6), ("gyr", 0.8, 0.7), taken="acc")
    assert choice_lines(wrong)[-1].endswith("rank alike in 0 of 1 comparisons; best by it is gyr")
    silent = made(("acc", 0.9, None), ("gyr", 0.8, None), taken="acc")
    assert choice_lines(silent)[-1].endswith("no node gives its labels") and "not told" in choice_lines(silent)[3]
