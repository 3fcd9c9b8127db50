"""Every shipped study of a grid runs, at reduced size, on recordings that lie as those of its data sets do."""

import csv
import io

import pytest

from configs.study import cells, grids, load_study
from simulation.study.run import run_study
from tests.simulation.study import recordings

REDUCED = [
    "seeds=[0]", "rounds.autoencoder=1", "rounds.contrast=1", "rounds.finetune=1",
    "epochs.autoencoder=1", "epochs.contrast=1", "epochs.finetune=1", "evaluation.folds=2",
    "models.width=8", "models.projection=8", "models.hidden=8", "models.unified.variants=0",
    "autoencoder.width=8", "autoencoder.latent=4",
    "run.workers=1", "data.window={kind: whole}",
]  # fmt: skip
FRAMES = {  # data set of `data` -> the experiment's modalities, as small as they can be
    "utd_mhad": {"accelerometer": 16, "gyroscope": 16, "skeleton": 12},
    "motionsense": {"gravity": 16, "gyroscope": 16, "user_acceleration": 16},
    "shoaib": {"accelerometer": 16, "gyroscope": 16, "magnetometer": 16},
    "wesad": {"wrist_eda": 8, "wrist_bvp": 16, "wrist_acc": 16},
    "mmfi": {"skeleton": 2, "radar": 2, "wifi_csi": 2},
}
OWN = {"mine": range(9, 17), "target": range(17, 25)}  # further data set of own recordings -> its people


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    """Writes the recordings of a data set once, and says where they lie."""
    home = tmp_path_factory.mktemp("recordings")

    def root(name):
        if not (home / name).exists():
            if name in OWN:
                recordings.write_own(home / name, OWN[name])
            else:
                getattr(recordings, f"write_{name}")(home / name)
        return home / name

    return root


@pytest.mark.slow
@pytest.mark.parametrize("name", grids())
def test_a_shipped_study_runs_from_its_file(roots, tmp_path, name):
    study = load_study(name)
    first = cells(study)[0].experiment
    asked = [*REDUCED, f"data.root={roots(first.data.name)}"]
    asked += [f"data.modalities.{m}.frames={count}" for m, count in FRAMES[first.data.name].items()]
    asked += [
        f"further_data.{each}.root={roots(each)}" for each, data in first.further_data.items() if data.name == "folder"
    ]
    if first.rounds.self_training:
        asked.append("rounds.self_training=1")
    if len(first.methods) > 3:
        asked.append("methods=[lower_bound, fedbind]")  # the others have their own tests
    outcome = run_study(study, name, asked, tmp_path, lambda text: None)
    assert not outcome.failed
    jobs = list(csv.DictReader(io.StringIO((tmp_path / "jobs.csv").read_text())))
    assert len(jobs) == sum(len(cell.experiment.methods) for cell in cells(study, asked))
    assert all(0 <= float(job["accuracy"]) <= 1 for job in jobs)
    assert "real recordings" in (tmp_path / "index.html").read_text()


def test_reduced_cells_still_differ_in_what_the_study_varies():
    for name in grids():
        found = [cell.experiment.model_dump_json() for cell in cells(load_study(name), REDUCED)]
        assert len(set(found)) == len(found), name
