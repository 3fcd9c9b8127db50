"""Values as people write them in YAML and in labels, brought to one form before they are checked."""

from typing import Any


def text_of(value: Any) -> str:
    """A label's value as text: 1, 1.0 and "1" are one; nothing for a missing one."""
    if isinstance(value, float):
        return "" if value != value else f"{value:.15g}"
    return "" if value is None else str(value).strip()


def plain(value: Any) -> str:
    """The value as text. Raises ValueError for what YAML took for true or false."""
    if isinstance(value, bool):
        raise ValueError(f"{value}: write it in quotes; YAML reads yes, no, on and off as true and false")
    return text_of(value)


def values(value: Any) -> Any:
    """A value, or a list of them, as a list of texts."""
    each = one_word(value)
    return [plain(one) for one in each] if isinstance(each, list) else each


def renaming(value: Any) -> Any:
    """Value -> word; a plain list names values that are words already."""
    if isinstance(value, list):
        return {plain(each): plain(each) for each in value}
    return {plain(key): each for key, each in value.items()} if isinstance(value, dict) else value


def one_word(value: Any) -> Any:
    """A single word or number as a list of it."""
    return [value] if isinstance(value, str | int) else value


def by_path(value: Any) -> Any:
    """A single word as the part of the path that it names."""
    return {"path": value.strip("{}")} if isinstance(value, str) else value


def column(value: Any) -> Any:
    """A column's name or number, unchanged. Raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int) or (isinstance(value, int) and value < 0):
        raise ValueError(f"{value!r} is no column; a name is, or a number counted from 0")
    return value
