"""Whole runs over several data sets: other people of the same names, other units, names and words."""

import json
import random

import numpy as np
import pytest

from protocol.payload import Payload
from server.report.summary import summary_without_times
from simulation.roots import with_absolute_roots
from tests.simulation.smallest import TWO_NODES_A_GROUP, in_this_process, smallest, whole_run

HERE = """
title: Here
simulated: true
files: "{subject}/{doing}_{trial}.csv"
rate_hz: 50
modalities:
  acc: {kind: inertial, columns: [ax, ay, az], unit: g}
  gyr: {kind: inertial, columns: [gx, gy, gz], unit: rad/s}
label: doing
classes: {w: walking, j: jogging, s: sitting still}
"""
THERE = """
title: There
simulated: true
files: "{subject}/{doing}_{trial}.csv"
rate_hz: 50
modalities:
  move: {kind: inertial, columns: [gx, gy, gz], unit: mm/s²}
  turn: {kind: inertial, columns: [ax, ay, az], unit: deg/s}
label: doing
classes: {s: a person sits, w: a walk, j: running}
"""
OTHER = "{name: folder, root: %s, modalities: [acc, gyr], rename: {acc: move, gyr: turn}}"


def write(root, description, people, scale, seed):
    """Two recordings of 3 s for each person and class; jogging is fast, walking slow, sitting nothing."""
    rng = np.random.default_rng(seed)
    for person in people:
        (root / str(person)).mkdir(parents=True)
        for doing, speed in (("w", 0.2), ("j", 0.6), ("s", 0.0)):
            for trial in (1, 2):
                wave = scale * (np.sin(np.arange(150) * speed)[:, None] + rng.normal(0, 0.1, (150, 6)))
                rows = "".join(",".join(f"{value:.4f}" for value in row) + "\n" for row in wave)
                (root / str(person) / f"{doing}_{trial}.csv").write_text("ax,ay,az,gx,gy,gz\n" + rows)
    (root / "dataset.yaml").write_text(description)


@pytest.fixture
def folders(tmp_path):
    write(tmp_path / "here", HERE, [1, 4, 5, 6, 7], 1.0, 0)
    write(tmp_path / "there", THERE.replace("simulated: true", "simulated: false"), [1, 2, 4], 500.0, 1)
    return tmp_path


def two(folders, *overrides):
    """Group b reads the folder there, whose person 1 has the name of a's; all others read the folder here."""
    return smallest(
        "data.name=folder", f"data.root={folders / 'here'}", "data.options={}",
        "data.modalities={acc: {frames: 45}, gyr: {frames: 53}}",
        "further_data={other: " + OTHER % (folders / "there") + "}",
        "split={a: [1], b: [1, 2], finetune: [4, 5], test: [6, 7]}", "groups.b.nodes=2", "groups.b.data=other",
        "groups.a.modalities=[acc, gyr]", "groups.b.modalities=[acc]", "methods=[fedbind]",
        "groups.finetune.modalities=[acc, gyr]", "groups.test.modalities=[acc, gyr]", "groups.finetune.labels_per_class=2",
        *overrides,
    )  # fmt: skip


def pairing(path):
    return json.loads((path / "jobs" / "fedbind-seed0" / "pairing.json").read_text())


def notes(path):
    events = (path / "jobs" / "fedbind-seed0" / "metrics.jsonl").read_text().splitlines()
    return [event["text"] for event in map(json.loads, events) if event["event"] == "note"]


def test_bound_by_a_sensor_that_is_called_otherwise_and_has_another_unit(folders):
    results, summary = whole_run(two(folders), folders / "run")
    result = results["fedbind", 0]
    assert summary["data"] == {"name": "folder + other (folder)", "simulated": True}
    assert result["classes"] == ["walking", "jogging", "sitting still"] and not result["nodes"]["skipped"]
    told = pairing(folders / "run")
    assert told["accuracy"] is None and told["raw_cosine_accuracy"] is None  # no word is the same
    assert any("groups a and b have no word for a class in common" in note for note in notes(folders / "run"))


SAME = "evaluation.synonyms={running: jogging, a walk: walking, a person sits: sitting still}"


def test_with_words_said_to_mean_the_same_the_audit_counts_and_so_does_the_yardstick(folders):
    results, _ = whole_run(two(folders, SAME), folders / "run")
    assert pairing(folders / "run")["classes"] == ["walking", "jogging", "sitting still"]
    assert 0 <= results["fedbind", 0]["pairing_accuracy"] <= 1
    assert results["fedbind", 0]["pairing_raw_cosine"] == pytest.approx(1.0)  # 500 times the size, normalised by itself


def test_jogging_is_bound_to_running_by_its_meaning(folders):
    asked = two(folders, "bind.by=label", "bind.weights=none", "groups.a.modalities=[gyr]", SAME,
                "methods=[lower_bound, fedbind, upper_bound]")  # fmt: skip
    results, _ = whole_run(asked, folders / "run")
    assert pairing(folders / "run")["accuracy"] == 1.0 and notes(folders / "run")
    assert len(results) == 3 and all(0 <= result["accuracy"] <= 1 for result in results.values())


def test_words_are_brought_together_by_renaming_too(folders):
    named = "{walking: a walk, jogging: running, sitting still: a person sits}"
    asked = two(folders, f"further_data.other.classes={named}", "groups.b.classes=[jogging]")
    results, _ = whole_run(asked, folders / "run")
    told = pairing(folders / "run")
    assert told["classes"] == ["walking", "jogging", "sitting still"] and results["fedbind", 0]["pairing_accuracy"] <= 1
    walking, jogging, sitting = told["matrix"]
    assert walking == sitting == [0, 2, 0] and sum(jogging) == 2 + 4  # b holds nothing but jogging


def test_fine_tuned_and_tested_on_a_third_folder(folders):
    write(folders / "third", THERE.replace("simulated: true", "simulated: false"), [1, 2, 6, 7], 20.0, 2)
    asked = two(
        folders, "further_data.target=" + OTHER % (folders / "third"), "groups.finetune.data=target",
        "groups.test.data=target", "split.finetune=[1,2]", "groups.finetune.labels_per_class=null",
        "groups.finetune.labels_share=0.01",
    )  # fmt: skip
    results, summary = whole_run(asked, folders / "run")
    result = results["fedbind", 0]
    name = "folder + other (folder) + target (folder)"
    assert summary["data"] == {"name": name, "simulated": True}  # as long as a part of it is
    assert result["classes"] == ["a person sits", "a walk", "running"] and result["labels_used"] == 3


def test_the_same_seed_repeats_itself_whatever_order_replies_come_in(folders):
    def told(name, **options):
        _, summary = whole_run(two(folders, "methods=[fedbind, upper_bound]"), folders / name, **options)
        found = sorted((folders / name).rglob("*.safetensors"))
        return summary_without_times(summary), [file.read_bytes() for file in found]

    dealer = random.Random(0)
    assert told("one") == told("other", order=lambda replies: dealer.sample(replies, len(replies)))


def test_an_experiment_whose_groups_all_read_one_further_data_set_is_the_same_bit_by_bit(tmp_path):
    """The twin: what is in `data`, told as further_data."""
    changes = [f"groups.{name}.data=x" for name in ("a", "b", "finetune", "test")]
    asked = [*TWO_NODES_A_GROUP, "methods=[fedbind]"]
    plain = smallest(*asked)
    tree = plain.model_dump(mode="json")["data"]
    further = smallest(*asked, f"further_data.x={json.dumps(tree)}", *changes)
    seen = []
    for name, asked in (("plain", plain), ("further", further)):
        _, summary = whole_run(asked, tmp_path / name)
        assert summary["data"]["name"] == {"plain": "wearable_sim", "further": "x (wearable_sim)"}[name]
        weights = [file.read_bytes() for file in sorted((tmp_path / name).rglob("*.safetensors"))]
        seen.append((summary_without_times({**summary, "data": None}), weights))
    assert seen[0] == seen[1]


def test_fine_tuning_is_told_which_encoders_nobody_trained(folders):
    asked = []

    def watch(message, reply):
        asked.append(Payload.from_records(message.content).info)
        return reply

    whole_run(two(folders, "bind.by=acc", "groups.a.modalities=[acc]"), folders / "run", watch=watch)
    told = [info for info in asked if info["phase"] == "fine-tune"]
    assert told and all(info["own_prototypes"] and info["fresh"] == ["gyr"] for info in told)
    asked.clear()
    whole_run(two(folders, "methods=[lower_bound]"), folders / "lower", watch=watch)
    told = [info for info in asked if info["phase"] == "fine-tune"]
    assert told and not any(info["own_prototypes"] or "fresh" in info for info in told)


def test_flower_s_engine_is_told_where_every_data_set_lies(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("node,time_s,speed,bandwidth_bytes_s,online\n0,0,1,1e6,1\n")
    given = smallest(
        "further_data.x={name: folder, root: x, modalities: [acc]}", "data.root=y", "strategy.trace=t.csv",
        "models.unified.weights=w",
    )  # fmt: skip
    told = with_absolute_roots(given)
    assert (told.data.root, told.further_data["x"].root) == (str(tmp_path / "y"), str(tmp_path / "x"))
    assert (told.strategy.trace, told.models.unified.weights) == (str(tmp_path / "t.csv"), str(tmp_path / "w"))
    assert with_absolute_roots(smallest()).models.unified.weights == "shipped"


def test_no_folder_of_a_person_stands_on_the_page(folders, monkeypatch):
    monkeypatch.setenv("HOME", str(folders))
    in_this_process(two(folders, "methods=[lower_bound]"), folders / "run", False)
    assert str(folders / "there") in (folders / "run" / "config.yaml").read_text()  # a run that goes on needs it
    page = (folders / "run" / "report.html").read_text()
    assert "~/there" in page and "~/here" in page and str(folders) not in page
