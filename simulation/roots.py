"""Where an experiment's files lie, for processes that work in another folder."""

from __future__ import annotations

from pathlib import Path

from configs.paths import with_paths
from configs.schema import Experiment


def with_absolute_roots(experiment: Experiment) -> Experiment:
    """The experiment with its paths made absolute: a relative one would be looked for elsewhere by other processes."""

    def absolute(path: str | None) -> str | None:
        return None if path is None else str(Path(path).expanduser().resolve())

    return with_paths(experiment, absolute, absolute)
