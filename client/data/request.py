"""Checks what is asked of a data set against its card, before a file is read."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from client.data.cards import DatasetCard
from configs.errors import UserError, unknown_name


def natural(name: str) -> tuple[Any, ...]:
    """A sort key by which S2 comes before S10."""
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in re.findall(r"\d+|\D+", name))


def checked_modalities(card: DatasetCard, modalities: Sequence[str]) -> list[str]:
    """The asked modalities; each must be on the card, and there must be one."""
    for modality in modalities:
        if modality not in card.modalities:
            raise unknown_name("modality", modality, card.modalities, where=f"data set {card.name}")
    if not modalities:
        raise UserError(
            "no modality asked for",
            where=f"data set {card.name}",
            expected="at least one of " + ", ".join(card.modalities),
        )
    return list(modalities)


def checked_subjects(card: DatasetCard, asked: Sequence[object], known: Iterable[str]) -> list[str]:
    """The asked subjects as text (2 and "2" are one); each of them must be known."""
    names = list(known)
    there = set(names)
    for subject in asked:
        if str(subject) not in there:
            raise UserError(
                f"unknown subject '{subject}'",
                where=f"data set {card.name}",
                expected="one of " + ", ".join(names),
            )
    return [str(subject) for subject in asked]


def checked_options(card: DatasetCard, options: Mapping[str, Any]) -> dict[str, Any]:
    """The card's defaults with these options over them; unknown names and values that are not allowed are refused."""
    for name, value in options.items():
        if name not in card.options:
            raise unknown_name("option", name, card.options, where=f"data set {card.name}")
        option = card.options[name]
        where = f"data set {card.name}, option {name}"
        if option.allowed:
            if value not in option.allowed:
                raise unknown_name("value", value, option.allowed, where=where)
        elif isinstance(value, bool) or not isinstance(value, type(option.default) | int):
            kind = "a whole number" if isinstance(option.default, int) else "a number"
            power = " written with a point, such as 1.0e+3" if isinstance(value, str) and "e" in value.lower() else ""
            raise UserError(f"{value!r} is not allowed", where=where, expected=kind + power)
        elif isinstance(value, int | float) and not 0 < value < float("inf"):
            raise UserError(f"{value} is out of range", where=where, expected="a number above 0")
    return {name: options.get(name, option.default) for name, option in card.options.items()}
