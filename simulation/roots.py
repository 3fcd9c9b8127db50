"""Where an experiment's recordings lie, for processes that work in another folder."""

from __future__ import annotations

from pathlib import Path

from configs.schema import Experiment


def with_absolute_roots(experiment: Experiment) -> Experiment:
    """The experiment with its folders made absolute: a relative one would be looked for elsewhere by other processes."""

    def absolute(root: str | None) -> dict[str, str | None]:
        return {"root": None if root is None else str(Path(root).expanduser().resolve())}

    return experiment.model_copy(
        update={
            "data": experiment.data.model_copy(update=absolute(experiment.data.root)),
            "further_data": {
                name: data.model_copy(update=absolute(data.root)) for name, data in experiment.further_data.items()
            },
        }
    )
