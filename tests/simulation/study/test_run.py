"""A whole study at its smallest: files, resuming, cells that fail, folders of other settings."""

import csv
import io
import json

import pytest
import yaml

from cli.app import call
from configs.errors import UserError
from configs.study import load_study
from simulation.study.run import run_study
from tests.simulation.smallest import SMALLEST

STUDY = """
name: toy
title: A toy <study>
explains: Gaps or none.
base: demo
overrides: ["methods=[lower_bound, dcm]", "seeds=[0]"]
of: dcm
axes:
  - {name: gaps, values: [{name: none}, {name: some, overrides: [gaps.rate=0.2]}]}
"""
QUICK = [*SMALLEST, "run.workers=1"]


@pytest.fixture
def toy(tmp_path):
    path = tmp_path / "toy.yaml"
    path.write_text(STUDY)
    return path


def run(path, out, *overrides):
    told = []
    return run_study(load_study(path), str(path), [*QUICK, *overrides], out, told.append), told


@pytest.mark.slow
def test_a_study_writes_its_table_and_goes_on_where_it_stopped(toy, tmp_path):
    out = tmp_path / "out"
    outcome, told = run(toy, out)
    assert not outcome.failed and [(t.place, t.method) for t in outcome.table] == [
        (("none",), "lower_bound"), (("none",), "dcm"), (("some",), "lower_bound"), (("some",), "dcm"),
    ]  # fmt: skip
    jobs = list(csv.DictReader(io.StringIO((out / "jobs.csv").read_text())))
    result = json.loads((out / "cells" / "some" / "jobs" / "dcm-seed0" / "result.json").read_text())
    assert float(jobs[3]["accuracy"]) == result["accuracy"] and jobs[3]["gaps"] == "some"
    page = (out / "index.html").read_text()
    assert "A toy &lt;study&gt;" in page and "(simulated)" in page and "Finished." in page
    assert (out / "figure.png").read_bytes().startswith(b"\x89PNG")
    before = (out / "cells" / "some" / "jobs" / "dcm-seed0" / "result.json").stat().st_mtime_ns

    (out / "cells" / "none" / "jobs" / "dcm-seed0" / "result.json").unlink()
    again, told = run(toy, out)
    assert told[0] == "cell 2/2 (some): finished before" and told[1].startswith("[1/1] none, dcm, seed 0: ")
    assert again.table == outcome.table  # the same seed gives the same figures
    assert (out / "cells" / "some" / "jobs" / "dcm-seed0" / "result.json").stat().st_mtime_ns == before

    config = out / "cells" / "none" / "config.yaml"  # as it was written before a setting was known
    tree = yaml.safe_load(config.read_text())
    del tree["gaps"]["mean_s"], tree["further_data"]
    config.write_text(yaml.safe_dump(tree))
    assert run(toy, out)[1] == ["cell 1/2 (none): finished before", "cell 2/2 (some): finished before"]

    with pytest.raises(UserError, match="other settings: gaps"):
        run(toy, out, "gaps.mean_s=3.5")


def test_jobs_of_all_cells_run_side_by_side_seed_by_seed_and_each_is_written_as_it_ends(toy, tmp_path, monkeypatch):
    out, ran, rows = tmp_path / "out", [], []

    def noted(tasks, workers, tell, after_each):
        rows.append(len((out / "jobs.csv").read_text().splitlines()) if (out / "jobs.csv").is_file() else 0)
        for task in tasks:
            ran.append((task.called, workers))
            after_each()
            rows.append(len((out / "jobs.csv").read_text().splitlines()))
        return {3: "a reason"}

    monkeypatch.setattr("simulation.study.run.run_tasks", noted)
    outcome = run_study(load_study(toy), str(toy), [*SMALLEST, "seeds=[3, 1]", "run.workers=5"], out, lambda text: None)
    methods = ("lower_bound", "dcm")
    called = [f"{cell}, {method}, seed {seed}" for seed in (3, 1) for cell in ("none", "some") for method in methods]
    assert ran == [(each, 5) for each in called] and rows == [0, *([1] * 8)]  # the head of the table alone
    assert outcome.failed == ["some, dcm, seed 3: a reason"]


def test_every_cell_has_its_first_seed_before_any_has_its_second(toy, tmp_path):
    out, ran = tmp_path / "out", []

    def noted(experiment, folder, resume):
        ran.append((folder.name, list(experiment.seeds), resume))
        for seed in experiment.seeds:
            for method in experiment.methods:
                place = folder / "jobs" / f"{method}-seed{seed}"
                place.mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text(yaml.safe_dump(experiment.model_dump(mode="json")))

    run_study(load_study(toy), str(toy), [*QUICK, "seeds=[3, 1]"], out, lambda text: None, noted)
    assert ran == [("none", [3], False), ("some", [3], False), ("none", [3, 1], True), ("some", [3, 1], True)]


@pytest.mark.parametrize("engine", [None, "ray"])
def test_cells_that_cannot_run_are_told_once_and_the_others_go_on(toy, tmp_path, monkeypatch, engine):
    ran, told = [], []

    def refused(experiment):
        if experiment.gaps.rate or not ran:
            raise UserError("no such folder", "data.root")

    def task(tasks, *_):
        ran.extend(each.called for each in tasks)
        return {}

    def cell(experiment, folder, resume):
        ran.append(folder.name)

    monkeypatch.setattr("simulation.study.run.check_holdings", refused)
    monkeypatch.setattr("simulation.study.run.run_tasks", task)
    asked = load_study(toy), str(toy), QUICK, tmp_path / "out", told.append, cell if engine else None
    with pytest.raises(UserError, match="no such folder"):  # no cell at all
        run_study(*asked)
    assert not told and not (tmp_path / "out").exists()

    ran.append("from now on cells without gaps can run")
    outcome = run_study(*asked)
    assert outcome.failed == ["some: no such folder (data.root)"]
    assert told == ["cell 2/2 (some) cannot run: no such folder (data.root)"] + [
        "cell 1/2 (none), seed 0: 2 jobs to run"
    ] * (engine is not None)
    assert ran[1:] == (["none"] if engine else ["none, lower_bound, seed 0", "none, dcm, seed 0"])

    done = tmp_path / "out" / "cells" / "none" / "jobs"
    for method in ("lower_bound", "dcm"):  # what is finished needs its recordings no more, what waits does
        (done / f"{method}-seed0").mkdir(parents=True)
        (done / f"{method}-seed0" / "result.json").write_text("{}")
    with pytest.raises(UserError, match="no such folder"):
        run_study(*asked)


@pytest.mark.slow
def test_what_cells_pretrain_alike_is_trained_once_and_kept_until_the_study_is_whole(tmp_path):
    path, out = tmp_path / "toy.yaml", tmp_path / "out"
    others = "{name: one, overrides: [finetune.rate=0.1]}, {name: two, overrides: [augment.scale=0.3]}"
    path.write_text(STUDY[: STUDY.index("axes:")] + f"axes: [{{name: kind, values: [{{name: three}}, {others}]}}]\n")
    outcome = run(path, out)[0]
    assert not outcome.failed and not (out / "pretraining").exists()
    rounds = {}
    for cell in ("three", "one", "two"):
        events = (out / "cells" / cell / "jobs" / "dcm-seed0" / "metrics.jsonl").read_text().splitlines()
        rounds[cell] = sum(json.loads(line).get("phase") == "contrast" for line in events)
        config = yaml.safe_load((out / "cells" / cell / "config.yaml").read_text())
        assert config["run"]["pretraining"] == (None if cell == "two" else str(out / "pretraining"))
    assert rounds["three"] == rounds["two"] > 0 == rounds["one"]
    own, other = (
        json.loads((out / "cells" / cell / "jobs" / "dcm-seed0" / "result.json").read_text())
        for cell in ("three", "one")
    )
    # Costs are told as of a job alone.
    assert own["bytes"]["by_phase"]["contrast"] == other["bytes"]["by_phase"]["contrast"]


@pytest.mark.slow
def test_a_cell_that_fails_is_told_and_the_others_go_on(tmp_path, capsys):
    broken = STUDY.replace("gaps.rate=0.2", "'data.window={kind: sliding, seconds: 30, stride_s: 5}'")
    path = tmp_path / "toy.yaml"
    path.write_text(broken)
    assert call(["study", str(path), *QUICK, "--out", str(tmp_path / "out"), "--quiet"]) == 2
    captured = capsys.readouterr()
    assert "1 jobs or cells failed" in captured.err and "some" in captured.err
    assert captured.out.splitlines()[0].startswith("gaps,method,accuracy") and "none,dcm," in captured.out
    assert "What failed" in (tmp_path / "out" / "index.html").read_text()


def test_without_a_name_the_shipped_studies_are_listed(capsys):
    assert call(["study"]) == 0
    assert "utd_mhad_methods: Methods on UTD-MHAD" in capsys.readouterr().out
