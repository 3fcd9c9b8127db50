"""A study that ran in pieces, put together again."""

import csv

import pytest

from benchmarks.join_study import joined, main, rows_of
from configs.errors import UserError
from configs.study import load_study
from simulation.study.table import lines

HEAD = "split,method,seed,accuracy,cpu_seconds,labels_used,bytes_up\n"
ONE = HEAD + "split 2,fedbind,0,0.9,10.5,54,300\npaper,fedbind,0,0.8,9,54,300\npaper,mpm,0,0.5,9,54,\n"
OTHER = HEAD + "paper,fedbind,1,0.6,9,54,300\npaper,mpm,1,0.5,9,54,200\npaper,mpm,0,0.5,99,54,\n"


def pieces(tmp_path, *texts):
    files = [tmp_path / f"{number}.csv" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    return files


def test_each_job_stands_once_in_the_order_of_the_study_and_the_table_is_of_all(tmp_path):
    main("utd_mhad_methods_few", tmp_path / "out", pieces(tmp_path, ONE, OTHER))
    assert (tmp_path / "out" / "jobs.csv").read_text().splitlines() == [
        HEAD.strip(),
        "paper,mpm,0,0.5,9,54,",
        "paper,mpm,1,0.5,9,54,200",
        "paper,fedbind,0,0.8,9,54,300",
        "paper,fedbind,1,0.6,9,54,300",
        "split 2,fedbind,0,0.9,10.5,54,300",
    ]
    with (tmp_path / "out" / "table.csv").open() as file:
        table = {(line["split"], line["method"]): line for line in csv.DictReader(file)}
    assert float(table["paper", "fedbind"]["accuracy"]) == pytest.approx(0.7)
    assert float(table["paper", "mpm"]["fedbind less this"]) == pytest.approx(0.2)
    assert float(table["all 5", "fedbind"]["accuracy"]) == pytest.approx(0.8)  # (0.7 + 0.9) / 2
    assert (tmp_path / "out" / "figure.png").read_bytes()[1:4] == b"PNG"


SUBSETS = """AXIS,method,seed,accuracy,accuracy of gyroscope,accuracy of gyroscope + skeleton
VALUE,fedbind,0,0.9,0.5,0.9
VALUE,fedbind,1,0.7,,0.7
"""


def test_a_study_of_subsets_keeps_a_line_for_each(tmp_path):
    study = load_study("utd_mhad_subsets")
    axis = study.axes[0]
    text = SUBSETS.replace("AXIS", axis.name).replace("VALUE", axis.values[0].name)
    rows = joined(study, [rows_of(study, piece) for piece in pieces(tmp_path, text)])
    assert rows[0].by_subset == {"gyroscope": {"accuracy": 0.5}, "gyroscope+skeleton": {"accuracy": 0.9}}
    found = {line.place: line for line in lines(study, rows, ["fedbind"])}
    assert {place[-1]: line.mean for place, line in found.items()} == pytest.approx(
        {"gyroscope": 0.5, "gyroscope + skeleton": 0.8}
    )


def test_curves_are_told_to_need_the_jobs_themselves(tmp_path):
    with pytest.raises(UserError, match="curves"):
        main("utd_mhad_curves", tmp_path / "out", [])


@pytest.mark.parametrize(
    ("piece", "told"),
    [
        (HEAD + "paper,fedbind,0,0.7,9,54,300\n", "two pieces disagree.*fedbind, seed 0.*the same accuracy"),
        (HEAD + "split 9,fedbind,0,0.7,9,54,300\n", "a job of another study.*split 9"),
        ("labels,method,seed,accuracy\n1,fedbind,0,0.7\n", "jobs of another study.*split, method, seed"),
    ],
)
def test_what_does_not_belong_together_is_refused_and_nothing_written(tmp_path, piece, told):
    with pytest.raises(UserError, match=f"(?s){told}"):
        main("utd_mhad_methods_few", tmp_path / "out", pieces(tmp_path, ONE, piece))
    assert not (tmp_path / "out").exists()
