"""Who is left out, and whose windows train what then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from configs.errors import UserError


@dataclass(frozen=True)
class Fold:
    """One person left out.

    training   everybody else: heads are trained on them
    encoders   those on whom the baseline's encoders are trained: nobody of the group
    group      held-out people who share these encoders, by number
    """

    held_out: str
    training: tuple[str, ...]
    encoders: tuple[str, ...]
    group: int


def folds_of(subjects: Sequence[str], held_out: Sequence[str] | None, groups: int | None) -> list[Fold]:
    """A fold for each person to be left out, group by group; every encoder has seen nobody of its whole group.

    Groups are dealt over all subjects, so a study of few folds has the encoders that the whole one has. UserError
    where nobody would be left to train on, or a person is unknown.
    """
    count = min(groups or len(subjects), len(subjects))
    if len(subjects) < 2 or count < 2:
        raise UserError(
            f"{len(subjects)} people in {count} groups", where="subjects, bev.fold_groups",
            expected="two people and two groups at the least, so that others are left to train on",
        )  # fmt: skip
    for name in held_out or ():
        if name not in subjects:
            raise UserError(f"{name} has no recordings", where="folds", expected=f"some of {', '.join(subjects)}")
    group_of = {name: place * count // len(subjects) for place, name in enumerate(subjects)}
    return [
        Fold(
            name,
            tuple(each for each in subjects if each != name),
            tuple(each for each in subjects if group_of[each] != group_of[name]),
            group_of[name],
        )
        for name in subjects
        if held_out is None or name in held_out
    ]
