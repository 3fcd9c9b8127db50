"""Label texts: what is read of them, and what binds by the packaged encoder, which loads without a network."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.label_text import LONGEST, as_read, in_context
from client.sentence import PACKAGED, label_vectors
from configs.errors import UserError
from configs.schema import ContextSettings

WATCH = ContextSettings(subjects="young adults", device="smartwatch", placement="wrist", environment="outdoors")


# --- the text alone ---------------------------------------------------------------------------------------------------


def test_the_context_comes_in_the_stated_order():
    assert in_context("jogging", WATCH) == "jogging; young adults; smartwatch; wrist; outdoors"


def test_what_is_not_known_of_the_context_is_not_said():
    assert in_context("jogging", ContextSettings(placement="wrist")) == "jogging; wrist"
    assert in_context("jogging", ContextSettings()) == "jogging"


@pytest.mark.parametrize("name", ["", "  \n"])
def test_a_class_without_a_text_has_none_in_any_context(name):
    assert in_context(name, WATCH) == ""


def test_a_semicolon_within_a_part_does_not_make_a_part_of_its_own():
    assert in_context("walk; slowly", ContextSettings(device="a;b")) == "walk, slowly; a,b"


def test_white_space_forms_of_letters_and_what_is_far_out_do_not_count():
    assert as_read("  walk \n up ") == "walk up" == as_read("ｗalk up")
    long = "walking " * 1250
    assert len(long) == 10_000 and len(as_read(long)) <= LONGEST
    assert as_read(long) == as_read(long + "to a far place")
    assert as_read("") == ""


@given(st.text())
def test_reading_twice_is_reading_once(text):
    assert as_read(as_read(text)) == as_read(text)


# --- what the encoder makes of it -------------------------------------------------------------------------------------


def vectors(*texts):
    rows, name = label_vectors(list(texts), PACKAGED)
    assert name == PACKAGED and rows.dtype == np.float32 and np.isfinite(rows).all()
    return rows


@pytest.mark.slow
def test_other_words_for_the_same_thing_are_each_other_s_nearest():
    one = ["jogging", "sitting", "walking up stairs", "lying", "cycling"]
    other = ["sit", "run", "ride a bike", "stairs up", "lie down"]
    nearest = (vectors(*one) @ vectors(*other).T).argmax(axis=1)
    assert [other[at] for at in nearest] == ["run", "sit", "stairs up", "lie down", "ride a bike"]


@pytest.mark.slow
def test_other_words_bind_in_other_circumstances_too():
    pocket = ContextSettings(subjects="students", device="phone", placement="pocket", environment="lab")
    one = [in_context(name, WATCH) for name in ("jogging", "sitting", "cycling")]
    other = [in_context(name, pocket) for name in ("sit", "run", "ride a bike")]
    assert (vectors(*one) @ vectors(*other).T).argmax(axis=1).tolist() == [1, 0, 2]


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", " \t\n", "走路", "跑步", "🏃", "ab" * 5000])
def test_a_text_in_which_the_encoder_reads_nothing_has_no_vector(text):
    """Without this rule 走路 (walking) and 跑步 (running) would have one vector and bind as the same class."""
    rows = vectors("walk", text)
    assert np.linalg.norm(rows[0]) == pytest.approx(1, abs=1e-5) and not rows[1].any()


@pytest.mark.slow
def test_a_script_that_is_read_letter_by_letter_still_tells_words_apart():
    rows = vectors("ходьба", "бег", "ходьба")
    assert np.array_equal(rows[0], rows[2]) and rows[0] @ rows[1] < 0.9


@pytest.mark.slow
def test_a_text_of_ten_thousand_characters_counts_by_its_beginning():
    long = ("walking slowly on a treadmill " * 400)[:10_000]
    rows = vectors(long, long[:LONGEST], "walking on a treadmill", "sleeping")
    assert np.allclose(rows[0], rows[1], atol=1e-6)
    assert rows[0] @ rows[2] > rows[0] @ rows[3] + 0.3


@pytest.mark.slow
def test_equal_texts_are_one_class_and_a_warning_says_so(caplog):
    rows = vectors("walk", "run", " walk ")
    assert np.array_equal(rows[0], rows[2]) and not np.array_equal(rows[0], rows[1])
    assert "1 label texts are equal to another one" in caplog.text


def test_an_unknown_encoder_is_refused_by_name():
    with pytest.raises(UserError, match="unknown sentence encoder"):
        label_vectors(["walk"], "gpt")
