"""Every shipped study runs, at reduced size, on recordings that lie as UTD-MHAD's do."""

import csv
import io

import pytest

from configs.study import STUDIES, cells, load_study
from simulation.study.run import run_study
from tests.client.data.test_utd_mhad import write_trial
from tests.simulation.smallest import in_this_process

REDUCED = [
    "seeds=[0]", "rounds={autoencoder: 1, contrast: 1, finetune: 1}",
    "epochs={autoencoder: 1, contrast: 1, finetune: 1}", "evaluation.folds=0",
    "models={width: 8, projection: 8, hidden: 8}", "autoencoder.width=8", "autoencoder.latent=4",
    "run.workers=1", "data.modalities={accelerometer: {frames: 16}, gyroscope: {frames: 16}, skeleton: {frames: 12}}",
]  # fmt: skip


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    root = tmp_path_factory.mktemp("utd")
    for name in ("Inertial", "Skeleton"):
        (root / name).mkdir()
    for subject in range(1, 9):
        for action in (1, 2):
            for trial in (1, 2):
                write_trial(root, action, subject, trial)
    return root


@pytest.mark.slow
@pytest.mark.parametrize("name", [path.stem for path in sorted(STUDIES.glob("*.yaml"))])
def test_a_shipped_study_runs_from_its_file(recordings, tmp_path, name):
    study = load_study(name)
    asked = [*REDUCED, f"data.root={recordings}"]
    if len(cells(study)[0].experiment.methods) > 3:
        asked.append("methods=[lower_bound, fedbind]")  # the others have their own tests
    outcome = run_study(study, name, asked, tmp_path, in_this_process, lambda text: None)
    assert not outcome.failed
    jobs = list(csv.DictReader(io.StringIO((tmp_path / "jobs.csv").read_text())))
    assert len(jobs) == sum(len(cell.experiment.methods) for cell in cells(study, asked))
    assert all(0 <= float(job["accuracy"]) <= 1 for job in jobs)
    assert "real recordings" in (tmp_path / "index.html").read_text()
