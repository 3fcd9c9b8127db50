"""benchmarks/own_folder.py: the same people in another form, read back by the names of configs/motionsense_own.yaml."""

import numpy as np
import pytest

from benchmarks.own_folder import COLUMNS, write_folder
from client.data.holdings import check_holdings, holdings_of
from client.data.motionsense import ACTIVITIES
from configs.load import load
from configs.nodes import node_places
from tests.client.data import test_motionsense


@pytest.fixture
def home(tmp_path):
    rng = np.random.default_rng(0)
    for subject in range(1, 25):
        for activity in ACTIVITIES:
            rows = test_motionsense.rows(12, lambda record, column: f"{rng.normal():.4f}")
            text = f"{test_motionsense.HEADER}\n{rows}\n"
            test_motionsense.write(tmp_path / "published" / "A_DeviceMotion_data", f"{activity}_3", subject, text)
    return tmp_path


def test_a_folder_holds_what_the_published_one_does_under_other_names_and_in_other_units(home):
    assert write_folder(home / "published", home / "b", [str(n) for n in range(9, 17)]) == 8 * 6
    assert write_folder(home / "published", home / "c", [str(n) for n in range(17, 25)]) == 8 * 6
    assert (home / "b" / "9" / "up-3.csv").read_text().startswith("pull_x,pull_y,pull_z,turn_x")
    asked = [
        f"data.root={home / 'published'}", f"further_data.mine.root={home / 'b'}", f"further_data.target.root={home / 'c'}",
        "data.window={kind: whole}", *(f"data.modalities.{m}.frames=12" for m in COLUMNS),
    ]  # fmt: skip
    experiment = load("motionsense_own", asked)
    check_holdings(experiment)
    place = next(each for each in node_places(experiment) if each.group == "b")
    theirs = holdings_of(experiment, place, list(COLUMNS), 0, experiment.data_of("b").root)
    plain = load("motionsense", [asked[0], *asked[3:], "split.b=[9,10,11,12,13,14,15,16]"])
    ours = holdings_of(plain, place, list(COLUMNS), 0, plain.data.root)
    assert theirs.classes == tuple(load("motionsense_own").evaluation.synonyms.values())
    assert ours.classes == tuple(load("motionsense_own").evaluation.synonyms)
    order, same = np.argsort(theirs.samples.label, kind="stable"), np.argsort(ours.samples.label, kind="stable")
    assert theirs.samples.label[order].tolist() == ours.samples.label[same].tolist()
    for modality, (_, unit) in COLUMNS.items():
        here, there = ours.samples.arrays[modality][same], theirs.samples.arrays[modality][order]
        np.testing.assert_allclose(there, here * unit, rtol=1e-3, atol=1e-3)
