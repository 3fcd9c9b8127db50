"""What a user is told of the data sets and of a folder."""

import numpy as np
import pytest
from scipy.io import savemat

from client.data.catalogue import DATASETS
from client.data.describe import card_text, cards, check
from configs.errors import UserError


def test_every_card_as_text_names_source_terms_classes_and_modalities():
    assert [card.name for card in cards()] == list(DATASETS)
    for card in cards():
        text = card_text(card)
        for part in (card.title, card.citation, card.terms, card.published_at, *card.modalities, *card.options):
            assert part in text
        assert ("(simulated)" in text) == card.simulated


def test_a_simulation_is_counted_without_a_folder():
    found = check("wearable_sim", None, modalities=["acc", "temp"], options={"subjects": 2, "recordings_per_class": 3})
    assert found.simulated and found.recordings == 2 * 6 * 3
    assert set(found.by_class.values()) == {6}
    assert found.by_subject["2"]["walking"] == 3
    assert found.modalities["temp"].length_s == (16.0, 16.0, 16.0)
    assert (found.modalities["acc"].recordings, found.modalities["acc"].nan_share) == (36, 0.0)


def test_gaps_broken_files_and_whole_subjects_that_cannot_be_read_are_told(tmp_path):
    (tmp_path / "Inertial").mkdir()
    values = np.ones((100, 6))
    values[:25] = np.nan
    for name in ("a1_s1_t1", "a2_s1_t1"):
        savemat(tmp_path / "Inertial" / f"{name}_inertial.mat", {"d_iner": values})
    for name in ("a2_s1_t2", "a1_s2_t1"):
        (tmp_path / "Inertial" / f"{name}_inertial.mat").write_bytes(b"broken")
    found = check("utd_mhad", tmp_path)
    assert found.recordings == 2 and found.by_subject == {"1": {"swipe left": 1, "swipe right": 1}, "2": {}}
    assert found.modalities["accelerometer"].nan_share == pytest.approx(0.25)
    assert found.modalities["accelerometer"].length_s == (2.0, 2.0, 2.0)
    assert found.modalities["skeleton"].recordings == 0
    assert [each.where.rsplit("/", 1)[1] for each in found.skipped] == ["a2_s1_t2_inertial.mat"]
    assert list(found.faults) == ["2"] and "a1_s2_t1" in found.faults["2"]


def test_what_is_wrong_as_a_whole_is_an_error(tmp_path):
    for name, root in (("utd", None), ("utd_mhad", tmp_path)):
        with pytest.raises(UserError):
            check(name, root)
    with pytest.raises(UserError, match="unknown subject"):
        check("wearable_sim", None, subjects=["99"])


def test_an_absent_point_is_no_gap_but_a_frame_without_any_is(tmp_path):
    place = tmp_path / "E01" / "S01" / "A01" / "mmwave"
    place.mkdir(parents=True)
    for number, points in ((1, 2), (2, 0), (3, 1), (4, 5)):
        (place / f"frame{number:03d}.bin").write_bytes(np.ones((points, 5)).tobytes())
    found = check("mmfi", tmp_path, modalities=["radar"])
    assert found.modalities["radar"].nan_share == 0.25
