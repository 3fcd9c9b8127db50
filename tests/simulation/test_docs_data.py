"""The two worked examples of docs/data.md, as they stand there, on small files: checked, and run from first to last."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from client.data.describe import check
from client.data.holdings import check_data
from client.data.own.dataset import OwnRecordings
from client.data.own.description import Description
from configs.load import check as check_experiment
from tests.simulation.smallest import smallest, whole_run

DOCS = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")


def example(name):
    return re.search(rf"<!-- example: {name} -->\n```yaml\n(.*?)```", DOCS, re.DOTALL)[1]


def write_csv(root):
    """Four people, two trials each of walking and sitting, 3 s."""
    rng = np.random.default_rng(0)
    for person in ("anna", "bert", "cora", "dora", "emil", "fritz"):
        (root / person).mkdir()
        for activity, strength in (("walk", 1.0), ("sit", 0.05)):
            for trial in (1, 2):
                wave = strength * np.sin(np.arange(150) / 4)[:, None] + rng.normal(0, 0.05, (150, 6))
                rows = "".join(",".join(f"{value:.4f}" for value in row) + "\n" for row in wave)
                (root / person / f"{activity}_{trial}.csv").write_text("ax,ay,az,gx,gy,gz\n" + rows)


def write_npz(root):
    """Six people, one day each: 6 s of nothing, 8 s of rest, 8 s of stress, 8 s of rest."""
    rng = np.random.default_rng(0)
    label = np.repeat([0, 1, 2, 1], [24, 32, 32, 32])  # 4 Hz
    for person in range(1, 7):
        acc = np.repeat(label, 8)[:, None] + rng.normal(0, 0.1, (960, 3))
        ecg = np.sin(np.arange(3840) / 10 * (1 + np.repeat(label, 32))) + rng.normal(0, 0.1, 3840)
        np.savez(root / f"{person}_monday.npz", acc=acc, ecg=ecg, label=label)


CASES = {
    "csv": (write_csv, ("acc", "gyr"), ["anna", "bert", "cora", "dora", "emil", "fritz"], ["walking", "sitting still"], 4),
    "npz": (write_npz, ("acc", "ecg"), ["1", "2", "3", "4", "5", "6"], ["rest", "stress"], 3),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_example_is_short_and_finds_what_lies_there(tmp_path, name):
    write, modalities, people, classes, recordings = CASES[name]
    assert len(example(name).splitlines()) < 20
    (tmp_path / "dataset.yaml").write_text(example(name))
    write(tmp_path)
    card = OwnRecordings().card_for({}, tmp_path)
    assert (list(card.classes), tuple(card.modalities)) == (classes, modalities)
    found = check("folder", tmp_path)
    assert list(found.by_subject) == people and found.recordings == recordings * len(people)
    assert not found.skipped and not found.faults and not found.simulated
    if name == "npz":
        assert found.by_class == {"rest": 12, "stress": 6}
        assert found.modalities["ecg"].length_s == (8.0, 8.0, 8.0) == found.modalities["acc"].length_s


@pytest.mark.parametrize("name", CASES)
def test_the_example_runs_from_first_to_last(tmp_path, name):
    write, (shared, other), people, classes, _ = CASES[name]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "dataset.yaml").write_text(example(name))
    write(tmp_path / "mine")
    split = {"a": people[:1], "b": people[1:2], "finetune": people[2:4], "test": people[4:]}
    experiment = smallest(
        "data.name=folder",
        f"data.root={tmp_path / 'mine'}",
        "data.options={}",
        f"data.modalities={{{shared}: {{frames: 45}}, {other}: {{frames: 53}}}}",
        *(f"split.{group}=[{', '.join(each)}]" for group, each in split.items()),
        *(f"groups.{group}.modalities=[{shared}, {other}]" for group in split),
        f"bind.by={shared}",
        "methods=[fedbind]",
    )
    results, summary = whole_run(experiment, tmp_path / "run")
    (result,) = results.values()
    assert result["classes"] == classes and result["test_samples"] > 0
    assert summary["data"] == {"name": "folder", "simulated": False}


def test_the_example_of_several_data_sets_is_a_whole_experiment_but_for_who_takes_part():
    split = {"a": [1], "b": [1], "finetune": [2], "test": [3]}
    experiment = check_experiment(
        {"name": "x", "seeds": [0], "methods": ["fedbind"], "split": split, **yaml.safe_load(example("several"))}
    )
    assert experiment.data_name == "motionsense + mine (folder) + target (folder)"
    check_data(experiment, root_comes_later=True)


def test_every_key_of_the_description_is_told_of():
    keys = set(Description.model_fields)
    for section in ("modalities", "label"):
        annotation = Description.model_fields[section].annotation
        keys |= set(getattr(annotation, "__args__", (None, annotation))[1].model_fields)
    assert {
        key for key in keys if f"`{key}`" not in DOCS and f"`{key}:" not in DOCS and f"{{{key}:" not in DOCS
    } == set()
