"""`fedbind validate`."""

from __future__ import annotations

from typing import Annotated

import typer

HELP = """Check a configuration whole, and print it resolved. Reads no recording; all faults are shown together."""


def validate(
    config: Annotated[str, typer.Argument(help="YAML file, or the name of a shipped one.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="key.path=value, read as YAML.")] = None,
) -> None:
    """See HELP."""
    from client.data.catalogue import dataset
    from client.data.holdings import check_settings
    from configs.load import dump, load

    experiment = load(config, overrides or [])
    named = experiment.data.root or (None if dataset(experiment.data.name).card.simulated else "(given at the run)")
    check_settings(experiment.data.model_copy(update={"root": named}))
    print(dump(experiment), end="")
