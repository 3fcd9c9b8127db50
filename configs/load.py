"""From a YAML file, overrides, or a node's run configuration to one checked `Experiment`."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from configs.errors import UserError
from configs.faults import faults_of
from configs.schema import Experiment
from configs.unified_settings import with_learning
from configs.yaml_text import is_file, is_folder, parse_yaml, read_yaml

SHIPPED = Path(__file__).parent
STUDIES = SHIPPED / "studies"


def load(path: str | Path, overrides: Iterable[str] = ()) -> Experiment:
    """The experiment of a YAML file with `key.path=value` overrides (values are read as YAML).

    A path that does not exist is looked for among the shipped files, by file name with or without `.yaml`.
    Raises UserError with every fault at once.
    """
    found = find(path)
    tree = read_yaml(found, "the configuration")
    if not isinstance(tree, dict):
        raise UserError("the configuration is empty or not a mapping", where=str(found), expected="key: value lines")
    for override in overrides:
        _apply(tree, override)
    models = tree.get("models")
    if isinstance(models, dict) and models.get("encoder") == "unified":
        tree = with_learning(tree)
    return check(tree, where=str(path))


def find(path: str | Path) -> Path:
    """The file meant by `path`: itself, or a shipped one of that name."""
    given = Path(path)
    for candidate in (given, SHIPPED / given.name, SHIPPED / f"{given.name}.yaml"):
        if is_file(candidate):
            return candidate
    shipped = sorted(file.stem for file in SHIPPED.glob("*.yaml"))
    near = difflib.get_close_matches(given.stem, shipped, 1)
    if is_file(STUDIES / f"{given.stem}.yaml"):
        hint = f"{given.stem} is a study: `fedbind study {given.stem}`"
    else:
        hint = f"did you mean {near[0]}?" if near else f"shipped with fedbind: {', '.join(shipped)}"
    what = "the configuration is a folder" if is_folder(given) else "no such configuration file"
    raise UserError(what, where=str(path)[:200], expected="a YAML file", todo=hint)


def check(tree: Mapping[str, Any], where: str = "configuration") -> Experiment:
    """The typed form of a mapping; raises UserError that lists all faults with key path, value and what is allowed."""
    lines = faults_of(Experiment, tree, parts=("data", "further_data", "split", "groups", "seeds", "methods"))
    if not lines:
        return Experiment.model_validate(tree)
    what = f"{len(lines)} fault{'s' * (len(lines) > 1)} in the configuration"
    raise UserError(
        what + "".join(f"\n  - {line}" for line in lines), where=where, todo="`fedbind validate` checks again"
    )


def dump(experiment: Experiment) -> str:
    """The resolved configuration as YAML; `load` of it gives an equal experiment."""
    return yaml.safe_dump(experiment.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def from_run_config(run_config: Mapping[str, Any]) -> Experiment:
    """What a Flower run configuration names: `json` (a resolved one), or `config` (a file) and `set` (overrides)."""
    return _from_run_config(
        str(run_config.get("json", "")), str(run_config.get("config", "demo")), str(run_config.get("set", ""))
    )


@lru_cache(maxsize=8)
def _from_run_config(text: str, config: str, overrides: str) -> Experiment:
    if text:
        try:
            tree = json.loads(text)
        except ValueError as error:
            raise UserError("the run configuration's `json` is not JSON", expected=str(error)) from error
        return check(tree, where="run configuration")
    return load(config, overrides.split())


def _apply(tree: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    keys = path.split(".")
    if not equals or not all(keys):
        raise UserError(
            "an override needs the form key.path=value", where=override[:200], expected="such as rounds.contrast=5"
        )
    try:
        value = parse_yaml(text)
    except ValueError as error:
        raise UserError(
            f"the value of an override is not YAML: {error}", where=override[:200], expected="such as split.a=[3,5]"
        ) from error
    branch = tree
    for key in keys[:-1]:
        if not isinstance(branch.setdefault(key, {}), dict):
            branch[key] = {}
        branch = branch[key]
    branch[keys[-1]] = value


def options_from(pairs: Iterable[str]) -> dict[str, Any]:
    """`key=value` words as a mapping, values read as YAML."""
    return overridden({}, pairs)


def overridden(tree: dict[str, Any], pairs: Iterable[str]) -> dict[str, Any]:
    """The tree itself, with `key.path=value` words put into it."""
    for pair in pairs:
        _apply(tree, pair)
    return tree
