"""Stress as the person told it: scores by hand, whole files in the published layout, and files that do not fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.data.wesad import Wesad
from client.data.wesad_stai import score_of, score_of_each
from configs.errors import UserError
from tests.client.data.test_wesad import load, subject, write

TAIL = ";" * 20
QUEST = f"""# Subj;S2;{TAIL}
# ORDER;Base;TSST;Medi 2;Fun;Medi 1;bRead;sRead;fRead;{TAIL}
# START;7.08;39.55;70.19;81.25;93.38;54.42;89.51;{TAIL}
;;{TAIL}
# PANAS;1;1;3;2;1;3;1;1;1;2;2;2;2;1;4;3;4;4;2;2;2;1;2;1;;
# STAI;3;2;1;4;2;3;{TAIL}
# STAI;1;3;2;1;3;1;{TAIL}
# STAI;4;1;1;4;2;4;{TAIL}
# STAI;2;2;2;3;2;2;{TAIL}
# STAI;4;1;1;4;1;4;{TAIL}
# DIM;7;2;{TAIL}
"""  # scores 10, 20, 7, 14, 6
CODES = (0, 1, 0, 2, 7, 4, 0, 3, 5, 4, 0)


@pytest.fixture
def home(tmp_path):
    write(tmp_path, "S2", subject(CODES))
    (tmp_path / "S2" / "S2_quest.csv").write_text(QUEST)
    return tmp_path


def test_items_one_four_and_six_count_the_other_way_round():
    assert score_of([3, 2, 1, 4, 2, 3]) == 2 + 2 + 1 + 1 + 2 + 2
    assert score_of([4, 1, 1, 4, 1, 4]) == 6 and score_of([1, 4, 4, 1, 4, 1]) == 24


@given(st.lists(st.integers(1, 4), min_size=6, max_size=6))
def test_a_score_is_between_6_and_24_and_the_opposite_answers_mirror_it(answers):
    assert 6 <= score_of(answers) <= 24
    assert score_of(answers) + score_of([5 - answer for answer in answers]) == 30


def test_stretches_follow_the_conditions_in_their_order():
    scores = [(1, 10), (2, 20), (4, 7), (3, 14), (4, 6)]
    assert score_of_each([1, 2, 4, 3, 4], scores) == [10, 20, 7, 14, 6]
    assert score_of_each([1, 1, 2, 3, 4], scores) == [10, 10, 20, 14, 6]  # in two stretches; the first rest is missing
    assert score_of_each([2, 1], scores) is None and score_of_each([1, 2, 4, 3, 4, 3], scores) is None
    assert score_of_each([], scores) == []


@pytest.mark.parametrize(
    ("options", "labels"),
    [({}, [0, 1, 0, 1, 0]), ({"stai_threshold": 15}, [0, 1, 0, 0, 0]), ({"stai_threshold": 6}, [1, 1, 1, 1, 1])],
)
def test_each_condition_is_labelled_by_the_score_after_it(home, options, labels):
    options = {"conditions": "stai", **options}
    loaded = load(home, options=options)
    assert [each.label for each in loaded.recordings] == labels and not loaded.skipped
    assert Wesad().card_for(options, None).classes == ("calm", "stressed")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no questionnaire lies beside"),
        ("", "0 conditions and 0 rows"),
        (QUEST.replace("# STAI;4;1;1;4;2;4", "# STAI;4;1;1;4;2;5"), "5 conditions and 5 rows of answers do not fit"),
        (QUEST.replace("# STAI;3;2;1;4;2;3", "# DIM;3;2;1;4;2;3"), "5 conditions and 4 rows"),
        (QUEST.replace("Base;TSST", "TSST;Base"), "are not those of the labels"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_questionnaire_that_does_not_fit_is_told(home, content, reason):
    path = home / "S2" / "S2_quest.csv"
    path.unlink()
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError) as error:
        load(home, options={"conditions": "stai"})
    assert reason in str(error.value) and "S2_quest.csv" in str(error.value)
    write(home, "S3", subject(CODES))
    (home / "S3" / "S3_quest.csv").write_text(QUEST)
    skipped = load(home, subjects=["S2", "S3"], options={"conditions": "stai"}, on_corrupt="skip")
    assert len(skipped.recordings) == 5 and reason in skipped.skipped[0].reason


@pytest.mark.parametrize("value", [0, "high", True])
def test_a_threshold_that_is_none_is_refused(home, value):
    with pytest.raises(UserError, match="stai_threshold"):
        load(home, options={"conditions": "stai", "stai_threshold": value})
