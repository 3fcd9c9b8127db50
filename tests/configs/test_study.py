"""Studies as files: the grid, faults told whole, and the shipped ones."""

import pytest

from configs.errors import UserError
from configs.study import cells, grids, load_study
from tests.simulation.smallest import SMALLEST

GRID = """
name: toy
title: A toy
explains: What is compared.
base: demo
overrides: ["seeds=[0]"]
axes:
  - {name: gaps, values: [{name: none}, {name: some, overrides: [gaps.rate=0.2]}]}
  - {name: rounds, over: true, values: [{name: "1", overrides: [rounds.contrast=1]}, {name: "2", overrides: [rounds.contrast=2]}]}
"""


def written(path, text):
    path.write_text(text)
    return path


def test_every_combination_is_a_cell_and_the_command_line_comes_last(tmp_path):
    study = load_study(written(tmp_path / "toy.yaml", GRID))
    found = cells(study, ["seeds=[3, 4]"])
    assert [cell.place for cell in found] == [("none", "1"), ("none", "2"), ("some", "1"), ("some", "2")]
    assert [(c.experiment.gaps.rate, c.experiment.rounds.contrast) for c in found] == [
        (0, 1),
        (0, 2),
        (0.2, 1),
        (0.2, 2),
    ]
    assert all(cell.experiment.seeds == [3, 4] for cell in found)
    assert [cell.folder for cell in found] == ["none-1", "none-2", "some-1", "some-2"]


def test_all_faults_of_a_study_are_told_at_once(tmp_path):
    text = GRID.replace("title:", "titel:").replace("rate", "rate").replace("over: true", "ovr: true")
    with pytest.raises(UserError) as error:
        load_study(written(tmp_path / "toy.yaml", text))
    told = str(error.value)
    assert "titel: unknown key; did you mean title?" in told and "title: missing" in told
    assert "ovr: unknown key; did you mean over?" in told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("name: some", "name: none"), "names must differ: none, none"),
        (("name: rounds", "name: gaps"), "names must differ: gaps, gaps"),
        (("base: demo", "base: demo\npicture: lines"), "with x for every value"),
    ],
)
def test_a_grid_that_cannot_be_read_is_refused(tmp_path, change, told):
    with pytest.raises(UserError, match=told):
        load_study(written(tmp_path / "toy.yaml", GRID.replace(*change)))


def test_a_fault_in_a_cell_names_the_cell_and_the_key(tmp_path):
    study = load_study(written(tmp_path / "toy.yaml", GRID.replace("gaps.rate=0.2", "gaps.rate=2")))
    with pytest.raises(UserError) as error:
        cells(study)
    assert "study toy, some, 1" in error.value.where and "gaps.rate" in error.value.what


def test_names_that_would_share_a_folder_are_refused(tmp_path):
    study = load_study(
        written(tmp_path / "toy.yaml", GRID.replace("name: none", "name: a b").replace("name: some", "name: a/b"))
    )
    with pytest.raises(UserError, match="share a folder"):
        cells(study)


@pytest.mark.parametrize("text", ["- 1\n", "name: [", ""])
def test_what_is_no_study_is_refused(tmp_path, text):
    with pytest.raises(UserError):
        load_study(written(tmp_path / "toy.yaml", text))


def test_an_unknown_name_lists_the_shipped_ones():
    with pytest.raises(UserError, match="no such study") as error:
        load_study("nothing_of_that_name")
    assert "utd_mhad_methods" in error.value.todo


@pytest.mark.parametrize("name", grids())
def test_every_shipped_study_is_whole(name):
    study = load_study(name)
    assert study.name == name and cells(study)
    for cell in cells(study):  # nobody plays two parts, under whatever name a data set is read
        names = {group: cell.experiment.data_of(group).name for group in cell.experiment.split}
        people = {group: path if names[group] == "folder" else names[group]
                  for group, path in ((g, cell.experiment.data_path(g)) for g in cell.experiment.split)}  # fmt: skip
        named = [(people[group], subject) for group, part in cell.experiment.split.items() for subject in part]
        assert len(named) == len(set(named))


def test_the_smallest_run_fits_a_study(tmp_path):
    study = load_study(written(tmp_path / "toy.yaml", GRID))
    assert len(cells(study, SMALLEST[:-1])) == 4
