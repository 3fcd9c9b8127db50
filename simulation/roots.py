"""Where an experiment's files lie, for processes that work in another folder."""

from __future__ import annotations

from pathlib import Path

from configs.schema import Experiment
from configs.unified_settings import SHIPPED, UNTRAINED


def with_absolute_roots(experiment: Experiment) -> Experiment:
    """The experiment with its paths made absolute: a relative one would be looked for elsewhere by other processes."""

    def absolute(path: str | None) -> str | None:
        return None if path is None else str(Path(path).expanduser().resolve())

    unified = experiment.models.unified
    weights = unified.weights if unified.weights in (SHIPPED, UNTRAINED) else absolute(unified.weights)
    return experiment.model_copy(
        update={
            "strategy": experiment.strategy.model_copy(update={"trace": absolute(experiment.strategy.trace)}),
            "models": experiment.models.model_copy(update={"unified": unified.model_copy(update={"weights": weights})}),
            "data": experiment.data.model_copy(update={"root": absolute(experiment.data.root)}),
            "further_data": {
                name: data.model_copy(update={"root": absolute(data.root)})
                for name, data in experiment.further_data.items()
            },
        }
    )
