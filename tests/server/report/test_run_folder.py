"""The folder that a Flower run configuration names: begun, gone on with, or of another run."""

import pytest

from configs.errors import UserError
from configs.load import load
from server.report.finish import differing, run_folder, start_run
from simulation.roots import with_absolute_roots

ASKED = ["seeds=[0]", "methods=[fedbind]"]


def folder_of(out, *overrides):
    return run_folder(load("demo", [*ASKED, *overrides]), {"out": str(out)})


def test_a_new_folder_is_begun_and_one_of_the_same_settings_is_gone_on_with(tmp_path):
    folder = folder_of(tmp_path / "out")
    (folder.job("fedbind", 0) / "result.json").write_text("{}")
    again = folder_of(tmp_path / "out", "seeds=[0,1]", "methods=[fedbind,dcm]", "run.reply_timeout_s=9")
    assert again.path == folder.path and (again.path / "jobs" / "fedbind-seed0" / "result.json").is_file()


def test_a_folder_of_other_settings_is_refused_by_the_name_of_what_differs(tmp_path):
    folder_of(tmp_path / "out")
    with pytest.raises(UserError, match="other settings: bind, rounds") as refused:
        folder_of(tmp_path / "out", "rounds.contrast=3", "bind.partners=2")
    assert refused.value.where == str(tmp_path / "out")


def test_paths_that_an_engine_made_absolute_are_no_other_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = load("utd_mhad_acc", [*ASKED, "data.root=here", "models.unified.weights=encoder.safetensors"])
    start_run(told, tmp_path / "out")
    absolute = with_absolute_roots(told)
    assert run_folder(absolute, {"out": str(tmp_path / "out")}).path == tmp_path / "out"
    assert differing(tmp_path / "out", absolute) == ["data", "models"]
    other = load("utd_mhad_acc", [*ASKED, "data.root=here", "models.unified.weights=other.safetensors"])
    assert differing(tmp_path / "out", other, places=False) == ["models"]
