"""Classes by their words: data sets number them each in their own way, and may have other words for the same thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np


@dataclass(frozen=True)
class Words:
    """All words of several vocabularies in the order they are met, and by owner the place of each of its own among them."""

    classes: list[str]
    place: Mapping[int, np.ndarray]  # int64 (classes of this owner,)

    def placed(self, owner: int, label: np.ndarray) -> np.ndarray:
        """An owner's labels as places among all words; -1 stays."""
        return np.where(label >= 0, self.place[owner][label], -1)


def all_words(vocabularies: Mapping[int, Sequence[str]], synonyms: Mapping[str, str] | None = None) -> Words:
    """The words of these owners' classes; a word that is a key of `synonyms` counts as the other one."""
    same = synonyms or {}
    told = {owner: [same.get(word, word) for word in words] for owner, words in vocabularies.items()}
    classes = list(dict.fromkeys(word for words in told.values() for word in words))
    at = {word: number for number, word in enumerate(classes)}
    return Words(classes, {owner: np.array([at[word] for word in words], np.int64) for owner, words in told.items()})


def without_common_word(words: Words, groups: Mapping[int, str]) -> list[tuple[str, str]]:
    """Every two groups, by name in rising order, of whose words none is the same; `groups` names each owner's."""
    held = _held(words, groups)
    return [(one, other) for one, other in combinations(sorted(held), 2) if not held[one] & held[other]]


def words_of_some(words: Words, groups: Mapping[int, str]) -> list[str]:
    """The words that one group has and another lacks."""
    held = _held(words, groups).values()
    return [word for at, word in enumerate(words.classes) if 0 < sum(at in each for each in held) < len(held)]


def _held(words: Words, groups: Mapping[int, str]) -> dict[str, set[int]]:
    held: dict[str, set[int]] = {}
    for owner, group in groups.items():
        held.setdefault(group, set()).update(words.place[owner].tolist())
    return held
