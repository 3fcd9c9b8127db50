"""Path patterns: what a path tells of the recording in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.data.own.pattern import expression_of, fields_in, files_of


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def test_files_are_found_with_the_parts_of_their_paths(tmp_path):
    touch(tmp_path, "S1/walk_1.csv", "S1/walk_2.csv", "S2/sit_1.csv", "S2/notes.txt", "walk_1.csv", "S2/deep/sit_1.csv")
    found = files_of(tmp_path, "{subject}/{activity}_{trial}.csv")
    assert [dict(parts) for parts, _ in found] == [
        {"subject": "S1", "activity": "walk", "trial": "1"},
        {"subject": "S1", "activity": "walk", "trial": "2"},
        {"subject": "S2", "activity": "sit", "trial": "1"},
    ]
    assert found[0][1] == tmp_path / "S1/walk_1.csv"


def test_an_earlier_part_takes_as_much_as_it_can(tmp_path):
    touch(tmp_path, "walk_fast_1.csv")
    assert files_of(tmp_path, "{activity}_{trial}.csv")[0][0] == {"activity": "walk_fast", "trial": "1"}


def test_a_part_named_twice_has_one_text_and_a_star_stands_for_any(tmp_path):
    touch(tmp_path, "1/sub1_2020.csv", "1/sub2_2020.csv", ".trash/sub.trash_1.csv", "1/.sub1_1.csv")
    (tmp_path / "2" / "sub2_0.csv").mkdir(parents=True)  # a folder is no file
    assert [path.name for _, path in files_of(tmp_path, "{subject}/sub{subject}_*.csv")] == ["sub1_2020.csv"]


def test_characters_that_mean_something_elsewhere_are_themselves(tmp_path):
    touch(tmp_path, "[a]/s1+.csv", "a/s1+.csv")
    assert [path.parent.name for _, path in files_of(tmp_path, "[a]/s{subject}+.csv")] == ["[a]"]


@pytest.mark.parametrize("pattern", ["{subject", "subject}", "{}/x.csv", "{a b}.csv", "{{subject}}"])
def test_braces_without_a_name_are_refused(pattern):
    with pytest.raises(ValueError, match="brace"):
        fields_in(pattern)


@given(st.lists(st.from_regex(r"[a-z0-9.]{1,6}", fullmatch=True), min_size=3, max_size=3))
def test_a_path_made_by_the_pattern_gives_its_parts_back(parts):
    subject, activity, trial = parts
    match = expression_of("{subject}/{activity}_{trial}.csv").fullmatch(f"{subject}/{activity}_{trial}.csv")
    assert match and match.groupdict() == {"subject": subject, "activity": activity, "trial": trial}
