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
    from client.data.holdings import check_data
    from configs.load import dump, load
    from simulation.jobs import check_files

    experiment = load(config, overrides or [])
    check_data(experiment, root_comes_later=True)
    check_files(experiment)
    print(dump(experiment), end="")
