"""What pydantic found wrong with a mapping, as lines a user can mend by: all faults, each with its key path."""

from __future__ import annotations

import copy
import difflib
import typing
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

MOST_SHOWN = 100  # letters of a value
_PLAIN = {"tuple_type": "a list is needed", "dict_type": "lines of `key: value` are needed"}  # YAML knows no tuple


def faults_of(model: type[BaseModel], tree: Mapping[str, Any], parts: Collection[str] = ()) -> list[str]:
    """One line per fault of `tree` as a `model`; empty where there is none.

    parts  top-level sections without which nothing can be told of how the sections fit one another
    """
    try:
        model.model_validate(tree)
        return []
    except ValidationError as error:
        faults = [typing.cast(dict, fault) for fault in error.errors()]
    return [
        line for fault in [*faults, *_faults_between(model, tree, faults, parts)] for line in _explain(model, fault)
    ]


def _explain(model: type[BaseModel], fault: dict[str, Any]) -> list[str]:
    path = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        known = _known_keys(model, fault["loc"][:-1])
        near = difflib.get_close_matches(str(fault["loc"][-1]), known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
        return [f"{path}: unknown key; {hint}"]
    if fault["type"] == "missing":
        return [f"{path}: missing"]
    if fault["type"] == "model_type":
        return [
            f"{path}: {_shown(fault['input'])} is not allowed; keys are needed: {', '.join(_known_keys(model, fault['loc']))}"
        ]
    message = str(fault.get("ctx", {}).get("error", "")) or fault["msg"]
    if fault["type"] == "value_error":
        return [f"{path}: {line}" if path else line for line in message.splitlines()]
    return [f"{path}: {_shown(fault['input'])} is not allowed; {_PLAIN.get(fault['type'], fault['msg'])}"]


def _shown(value: object) -> str:
    """The value as it was given, as far as one looks at it."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _faults_between(
    model: type[BaseModel], tree: Mapping[str, Any], faults: list[dict[str, Any]], parts: Collection[str]
) -> list[dict[str, Any]]:
    """What does not fit between sections, where single fields are at fault too: those stand aside for their defaults.

    Nothing where that cannot be told: a fault at the top level, or in one of the `parts`.
    """
    if any(len(f["loc"]) < 2 or (f["loc"][0] in parts and f["type"] != "extra_forbidden") for f in faults):
        return []
    rest = copy.deepcopy(dict(tree))
    for fault in faults:
        section: Any = rest
        for key in fault["loc"][:-1]:
            within = isinstance(section, list) and isinstance(key, int) and key < len(section)
            section = section.get(key) if isinstance(section, dict) else section[key] if within else None
        if isinstance(section, dict):
            section.pop(fault["loc"][-1], None)
    try:
        model.model_validate(rest)
    except ValidationError as error:
        return [typing.cast(dict, fault) for fault in error.errors() if not fault["loc"]]
    return []


def _known_keys(model: Any, path: tuple[Any, ...]) -> list[str]:
    """Field names of the section at a key path."""
    for part in path:
        model = _without_none(model)
        if typing.get_origin(model) in (dict, list):
            model = typing.get_args(model)[-1]  # any name, any place leads to what the mapping or list holds
        elif _is_section(model) and part in model.model_fields:
            model = model.model_fields[part].annotation
        else:
            return []
    model = _without_none(model)
    return sorted(model.model_fields) if _is_section(model) else []


def _without_none(model: Any) -> Any:
    """The section of a section that may be left out."""
    return next((each for each in typing.get_args(model) if _is_section(each)), model) if _may_be_none(model) else model


def _may_be_none(model: Any) -> bool:
    return type(None) in typing.get_args(model)


def _is_section(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, BaseModel)
