"""Classes by their words, by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from server.binding.words import all_words, without_common_word, words_of_some


def test_words_are_numbered_as_they_are_met_and_each_owner_s_classes_find_their_place():
    words = all_words({0: ["walking", "jogging"], 3: ["run", "walking"]})
    assert words.classes == ["walking", "jogging", "run"]
    assert words.placed(0, np.array([1, 0, -1])).tolist() == [1, 0, -1]
    assert words.placed(3, np.array([1, 0, -1])).tolist() == [0, 2, -1]


def test_a_synonym_counts_as_the_other_word():
    words = all_words({0: ["walking", "jogging"], 3: ["run", "walking"]}, {"run": "jogging"})
    assert words.classes == ["walking", "jogging"] and words.placed(3, np.array([0, 1])).tolist() == [1, 0]
    both = all_words({0: ["jog"], 1: ["run"]}, {"run": "moving fast", "jog": "moving fast"})
    assert both.classes == ["moving fast"]


def test_one_vocabulary_keeps_its_numbers():
    words = all_words({owner: ["b", "a", "c"] for owner in range(3)})
    assert words.classes == ["b", "a", "c"] and words.placed(2, np.array([2, 0, 1])).tolist() == [2, 0, 1]


def test_a_word_said_twice_is_one_class():
    words = all_words({0: ["other", "x", "other"]})
    assert words.classes == ["other", "x"] and words.placed(0, np.array([0, 1, 2])).tolist() == [0, 1, 0]


def test_groups_without_a_common_word_are_named_and_so_are_words_of_some():
    words = all_words({0: ["walking"], 1: ["jogging"], 2: ["run", "walking"], 3: ["schwimmen"]})
    groups = {0: "b", 1: "b", 2: "a", 3: "c"}
    assert without_common_word(words, groups) == [("a", "c"), ("b", "c")]
    assert words_of_some(words, {0: "b", 1: "b", 2: "a"}) == ["jogging", "run"]
    assert words_of_some(words, {0: "b", 2: "a"}) == ["run"] and words_of_some(words, {0: "b"}) == []


WORD = st.sampled_from(["a", "b", "c", "d"])


@given(st.dictionaries(st.integers(0, 5), st.lists(WORD, min_size=1, max_size=4), min_size=1))
def test_labels_have_one_number_where_their_words_are_one(vocabularies):
    words = all_words(vocabularies)
    for owner, told in vocabularies.items():
        placed = words.placed(owner, np.arange(len(told)))
        assert [words.classes[at] for at in placed.tolist()] == told
