"""A whole study of fusion at its smallest, through the command line, on small files in WESAD's layout."""

import csv
import io
import json
import math

import pytest

from cli.app import call
from client.data.holdings import _read_once
from configs.errors import UserError
from configs.fusion_study import _STRIDE
from configs.study import load_study
from models.spectral import STRIDE
from simulation.fusion import run as engine
from simulation.fusion.job import heads_of
from simulation.fusion.run import run_fusion
from tests.simulation.fusion.wesad_files import write_wesad

SMALL = [
    "data.modalities=[wrist_eda, wrist_acc]", "seeds=[0]", "regimes=[centralised, federated]",
    "sequence={windows: 2, step_s: 4, every_s: 8}",
    "head={kind: both, epochs: 1, batch: 8, joined: 4, hidden: 4, width: 0.25}",
    "bev={windows: 6, epochs: 1, batch: 3, stage: L1, fold_groups: 3}", "folds=[S3]",
]  # fmt: skip


@pytest.fixture
def home(tmp_path):
    return write_wesad(tmp_path / "WESAD", seconds=20)


def asked(home, *more):
    return [f"data.root={home}", *SMALL, *more]


def run(home, out, *more):
    told = []
    return run_fusion(
        load_study("wesad_fusion", asked(home, *more)), "wesad_fusion", asked(home, *more), out, told.append
    ), told


def finite(value):
    if isinstance(value, dict):
        return all(finite(each) for each in value.values())
    return not isinstance(value, float) or math.isfinite(value)


@pytest.mark.slow
def test_the_command_ends_with_figures_for_machines_and_goes_on_where_it_stopped(home, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["study", "wesad_fusion", *asked(home), "--out", str(out), "--json"]
    assert call(command) == 0
    told = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert told["finished"] is True and set(told["figures"]) == {"unified", "bev"} and finite(told)
    for by_regime in told["figures"].values():
        assert set(by_regime) == {"centralised", "federated"}
        for by_number in by_regime.values():
            assert set(by_number) == {"1", "2", "useless"}
            assert by_number["2"]["sets"] == ["wrist_eda+wrist_acc"] and by_number["2"]["people"] == 1
            for each in by_number.values():
                for measure in ("accuracy", "macro_f1", "auc"):
                    assert 0 <= each[measure]["mean"] <= 1 and each[measure]["std"] is None  # one seed
    assert set(told["unified_less_bev"]["federated"]) == {
        "wrist_eda",
        "wrist_eda+wrist_acc",
        "wrist_eda+wrist_acc+useless",
    }
    assert (out / "figure.png").read_bytes().startswith(b"\x89PNG")
    html = (out / "index.html").read_text()
    assert "Finished." in html and "real recordings" in html and "without messages" in html and str(home) not in html
    assert len(list(csv.DictReader(io.StringIO((out / "jobs.csv").read_text())))) == 2 * 2 * 3
    card = json.loads((out / "bev" / "seed0-group1" / "encoders" / "wrist_eda.json").read_text())
    assert card["subjects"] == ["S2", "S4"] and card["windows"] == {"0": 3, "1": 3}
    assert json.loads((out / "samples.json").read_text())["samples"].keys() == {"S2", "S3", "S4"}
    assert str(home) not in (out / "study.yaml").read_text()

    jobs = {path: path.read_bytes() for path in (out / "jobs").iterdir()}
    gone = out / "jobs" / "unified-federated-seed0-S3.json"
    gone.unlink()
    assert call(command) == 0
    captured = capsys.readouterr()
    ran = [
        line for line in captured.err.splitlines() if "without S3" in line or "features" in line or "encoder of" in line
    ]
    assert len(ran) == 1 and ran[0].startswith("unified, federated, seed 0, without S3")
    again = {path: path.read_bytes() for path in (out / "jobs").iterdir()}
    assert again.keys() == jobs.keys() and all(again[path] == jobs[path] for path in jobs if path != gone)
    assert json.loads(again[gone])["sets"] == json.loads(jobs[gone])["sets"]  # the same seed gives the same figures

    assert call(["study", "wesad_fusion", *asked(home, "head.epochs=2"), "--out", str(out)]) == 2
    assert "other settings: head" in capsys.readouterr().err


@pytest.mark.slow
def test_a_study_stopped_within_a_fold_loses_that_job_alone(home, tmp_path, monkeypatch):
    more = ["methods=[unified]", "useless=false", "folds=[S2, S3]"]
    whole, _ = run(home, tmp_path / "whole", *more)
    real, seen = engine.run_job, []

    def stops(*given):
        seen.append(given)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(engine, "run_job", stops)
    with pytest.raises(KeyboardInterrupt):
        run(home, tmp_path / "cut", *more)
    assert len(list((tmp_path / "cut" / "jobs").iterdir())) == 2
    monkeypatch.setattr(engine, "run_job", real)
    after, told = run(home, tmp_path / "cut", *more)
    assert after.figures == whole.figures and sum("without" in line for line in told) == 2


@pytest.mark.slow
def test_a_discriminant_is_the_same_of_nodes_as_in_one_place_and_takes_no_step(home, tmp_path):
    more = ("methods=[unified]", "head.kind=discriminant", "seeds=[0, 1]", "useless=false")
    told, _ = run(home, tmp_path / "out", *more)
    figures = told.figures["figures"]["unified"]
    assert figures["centralised"] == figures["federated"] and figures["federated"]["2"]["accuracy"]["std"] == 0
    for path in (tmp_path / "out" / "jobs").iterdir():
        job = json.loads(path.read_text())
        assert job["steps"] == job["head_bytes"] == 0
        assert job["sums_bytes"] == 8 * (2 + 2 * 512 + 512 * 513 // 2)


@pytest.mark.slow
def test_seeds_share_the_encoders_of_a_group_where_that_is_asked(home, tmp_path):
    more = ("methods=[bev]", "regimes=[centralised]", "seeds=[0, 1]", "bev.every_seed=false", "heads=single")
    outcome, told = run(home, tmp_path / "out", *more)
    assert [path.name for path in (tmp_path / "out" / "bev").iterdir()] == ["seed0-group1"]
    assert sum("encoder of" in line for line in told) == 3 and sum("without" in line for line in told) == 2
    assert set(outcome.figures["figures"]["bev"]["centralised"]) == {"1", "2", "useless"}


@pytest.mark.slow
def test_one_head_for_all_sets_and_every_subset(home, tmp_path):
    outcome, _ = run(home, tmp_path / "out", "methods=[unified]", "regimes=[centralised]", "heads=one", "sets=all",
                     "unified.latents=quantised", "useless=false")  # fmt: skip
    told = outcome.figures["figures"]["unified"]["centralised"]
    assert told["1"]["sets"] == ["wrist_eda", "wrist_acc"] and told["2"]["sets"] == ["wrist_eda+wrist_acc"]


@pytest.mark.slow
def test_the_chests_six_join_one_after_the_other(tmp_path):
    home = write_wesad(tmp_path / "WESAD", seconds=8, chest=True)
    given = [f"data.root={home}", SMALL[1], *SMALL[3:5], "folds=[S3]", "methods=[unified]", "regimes=[federated]"]
    study = load_study("wesad_fusion_chest", given)
    told = run_fusion(study, "wesad_fusion_chest", given, tmp_path / "out", print).figures["figures"]["unified"][
        "federated"
    ]
    assert list(told) == ["1", "2", "3", "4", "5", "6", "useless"]
    assert told["6"]["sets"] == ["chest_acc+chest_ecg+chest_emg+chest_eda+chest_temp+chest_resp"]


def test_a_head_for_each_set_or_one_for_all_of_them_and_noise_never_in_theirs():
    names = ["data.modalities=[wrist_bvp, wrist_eda]"]
    one, both, noise = ("wrist_bvp",), ("wrist_bvp", "wrist_eda"), ("wrist_bvp", "wrist_eda", "useless")
    assert heads_of(load_study("wesad_fusion", [*names, "heads=each"])) == [[one], [both], [noise]]
    assert heads_of(load_study("wesad_fusion", [*names, "heads=one"])) == [[one, both], [noise]]
    assert heads_of(load_study("wesad_fusion", [*names, "heads=single"])) == [[one, both, noise]]


def test_recordings_that_changed_are_not_taken_for_those_that_lie_there(home, tmp_path):
    out = tmp_path / "out"
    more = ["methods=[unified]", "regimes=[centralised]", "useless=false", "data.modalities=[wrist_eda]"]
    run(home, out, *more)
    write_wesad(home, subjects=["S2"], seconds=60)
    _read_once.cache_clear()  # another process knows nothing of what was read before
    with pytest.raises(UserError, match="other samples than those that lie here: S2"):
        run(home, out, *more)


def test_a_modality_that_nobody_recorded_and_a_stranger_are_told(home, tmp_path):
    with pytest.raises(UserError, match="nobody recorded chest_ecg"):
        run(home, tmp_path / "out", "data.modalities=[wrist_eda, chest_ecg]")
    with pytest.raises(UserError, match="unknown subject 'S99'"):
        run(home, tmp_path / "out", "subjects=[S2, S99]", "folds=[S2]")
    with pytest.raises(UserError, match="S99 has no recordings"):
        run(home, tmp_path / "out", "folds=[S99]")


def test_all_faults_of_the_settings_are_told_at_once():
    changes = [
        "seeds=[1, 1]", "data.modalities=[useless]", "sequence.step_s=0.3", "folds=[]", "heads=one", "head.modality_drop=0",
    ]  # fmt: skip
    with pytest.raises(UserError) as error:
        load_study("wesad_fusion", changes)
    told = str(error.value)
    for text in (
        "seeds: names must differ",
        "may be called useless",
        "sequence.step_s: 0.3 s",
        "folds: nobody",
        "modality_drop",
    ):
        assert text in told
    with pytest.raises(UserError) as error:
        load_study("wesad_fusion", ["bev.windows=1001", "bev.epoch=3", "methods=[best]"])
    assert all(text in str(error.value) for text in ("bev.windows: 1001", "did you mean epochs?", "methods.0"))


def test_a_kind_that_is_none_is_refused(tmp_path):
    path = tmp_path / "toy.yaml"
    path.write_text("kind: fussion\nname: toy\n")
    with pytest.raises(UserError, match="unknown kind of study 'fussion'"):
        load_study(path)


def test_the_stride_that_settings_are_checked_by_is_the_pictures_own():
    assert _STRIDE == STRIDE


@pytest.mark.parametrize("name", ["wesad_fusion", "wesad_fusion_chest"])
def test_shipped_studies_are_whole(name):
    study = load_study(name)
    assert study.name == name and study.modality_sets[0] == tuple(study.data.modalities[:1])
