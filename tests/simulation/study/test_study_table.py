"""The tables of the documents, from a study's jobs, by hand."""

from benchmarks.study_table import each_place, jobs_of, less, rows

JOBS = """split,method,seed,accuracy,accuracy_fine_tuned,cpu_seconds
p,dcm,0,0.5,0.4,10
p,dcm,1,0.7,0.4,20
p,fedbind,0,0.6,0.5,30
p,fedbind,1,0.9,,30
q,dcm,0,0.2,0.2,30
q,fedbind,0,0.8,0.6,30
"""


def test_means_of_splits_and_paired_differences_by_hand(tmp_path):
    (tmp_path / "jobs.csv").write_text(JOBS)
    jobs = jobs_of(tmp_path)
    told = rows(jobs)
    assert told[2] == "| `dcm` | 60.0 ± 14.1 (2) | 20.0 (1) | 40.0 | +37.5 | 20 |"  # ((10 + 20) / 2 + 60) / 2
    assert told[3] == "| `fedbind` | 75.0 ± 21.2 (2) | 80.0 (1) | 77.5 |  | 30 |"
    before = rows(jobs, "accuracy_fine_tuned")
    assert before[3] == "| `fedbind` | 50.0 (1) | 60.0 (1) | 55.0 |  | 30 |"
    assert before[2] == "| `dcm` | 40.0 ± 0.0 (2) | 20.0 (1) | 30.0 | +25.0 | 20 |"
    ours = rows(jobs, "accuracy_fine_tuned", "accuracy")  # fedbind at the end less others as fine-tuned
    assert ours[2].split(" | ")[4] == "+47.5" and ours[3].split(" | ")[4] == "+15.0"


def test_one_study_less_another_by_hand(tmp_path):
    for name, text in (("one", JOBS), ("other", JOBS.replace("fedbind,1,0.9,,", "fedbind,1,0.5,0.1,"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "jobs.csv").write_text(text)
    one, other = jobs_of(tmp_path / "one"), jobs_of(tmp_path / "other")
    assert less(one, other) == "+10.0, 3 pairs"  # ((0 + 40) / 2 + 0) / 2: a place counts once
    assert less(one, other, "accuracy_fine_tuned") == "+0.0, 2 pairs"
    assert less(one, one, "accuracy", "accuracy_fine_tuned") == "+15.0, 2 pairs"  # p: 10, q: 20
    assert less(one, {}) == "no job stands in both"


def test_a_row_for_each_place_and_method_with_shares_in_per_cent(tmp_path):
    (tmp_path / "jobs.csv").write_text(JOBS)
    told = each_place(jobs_of(tmp_path), ["accuracy", "cpu_seconds"])
    assert told[:3] == ["| | method | accuracy | cpu_seconds |", "| --- | --- | --- | --- |",
                        "| p | `dcm` | 60.0 ± 14.1 (2) | 15.0 ± 7.1 (2) |"]  # fmt: skip
    assert told[5] == "| q | `fedbind` | 80.0 (1) | 30.0 (1) |" and len(told) == 6


def test_the_places_are_what_stands_before_the_method(tmp_path):
    lines = JOBS.splitlines()
    (tmp_path / "jobs.csv").write_text("\n".join(line.partition(",")[2] for line in lines[:2]))  # no axis at all
    assert list(jobs_of(tmp_path)) == [("", "dcm", "0")]
    (tmp_path / "jobs.csv").write_text("labels,drop," + lines[0].partition(",")[2] + "\n2,none,dcm,0,0.5,0.4,10\n")
    assert list(jobs_of(tmp_path)) == [("2, none", "dcm", "0")]


def test_the_jobs_at_one_value_of_an_axis_by_hand(tmp_path):
    head, *lines = JOBS.splitlines()
    told = [f'"{value}",{line}' for value in ("one", "one, small") for line in lines]
    told[-1] = told[-1].replace("0.8", "0.4")
    (tmp_path / "jobs.csv").write_text("\n".join([f"encoder,{head}", *told]))
    one, small = jobs_of(tmp_path, "one"), jobs_of(tmp_path, "one, small")
    assert list(one) == list(small) and ("q", "fedbind", "0") in one and len(one) == 6
    assert less(one, small) == "+20.0, 3 pairs"  # p: 0 and 0, q: 40
    assert not jobs_of(tmp_path, "two")
