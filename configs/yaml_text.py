"""YAML as its values, read strictly: a key that stands twice is a mistake, not an earlier value to be forgotten."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from configs.errors import UserError


class _Strict(yaml.SafeLoader):
    """PyYAML's safe loader, which would take the last of equal keys without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """As the parent's; raises ConstructorError for a key that stands twice in one mapping."""
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable):
                if key in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice", key_node.start_mark)
                seen.add(key)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str) -> Any:
    """The values of a YAML text. Raises ValueError whose text says what is wrong, and in which line where that is known."""
    try:
        return yaml.load(text, _Strict)
    except yaml.YAMLError as error:
        raise ValueError(_told(error)) from error
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def read_yaml(path: Path, what: str) -> Any:
    """The values of a YAML file. Raises UserError, of which `what` is the file's role, where it cannot be read."""
    try:
        return parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        told = error.strerror or str(error)
        raise UserError(
            f"{what} cannot be read: {told}", where=str(path), expected="a file that you may read"
        ) from error
    except ValueError as error:  # no YAML, or bytes that are no text
        raise UserError(
            f"{what} cannot be read as YAML", where=str(path), expected=f"YAML in UTF-8; {error}"
        ) from error


def is_file(path: Path) -> bool:
    """Whether a file lies there; nothing can lie under a name that is too long for one."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether a folder lies there; nothing can lie under a name that is too long for one."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _told(error: yaml.YAMLError) -> str:
    """Problem and place in one line; a tab gets the advice that most who meet it need."""
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    if not problem:
        return " ".join(str(error).split())
    tab = "; indent with spaces, YAML takes no tabs" if "'\\t'" in problem else ""
    return problem + (f" in line {mark.line + 1}, column {mark.column + 1}" if mark else "") + tab
