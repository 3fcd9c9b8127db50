"""The places of an experiment that are paths, all in one list."""

from __future__ import annotations

from collections.abc import Callable

from configs.schema import Experiment
from configs.unified_settings import SHIPPED, UNTRAINED

Change = Callable[[str | None], str | None]


def with_paths(experiment: Experiment, folder: Change, file: Change) -> Experiment:
    """The experiment with each path changed: `folder` of the recordings' roots, `file` of the trace and the weights.

    Weights that are a word of their own (shipped, untrained) stay.
    """
    unified = experiment.models.unified
    weights = unified.weights if unified.weights in (SHIPPED, UNTRAINED) else file(unified.weights)
    return experiment.model_copy(
        update={
            "strategy": experiment.strategy.model_copy(update={"trace": file(experiment.strategy.trace)}),
            "models": experiment.models.model_copy(update={"unified": unified.model_copy(update={"weights": weights})}),
            "data": experiment.data.model_copy(update={"root": folder(experiment.data.root)}),
            "further_data": {
                name: data.model_copy(update={"root": folder(data.root)})
                for name, data in experiment.further_data.items()
            },
        }
    )
