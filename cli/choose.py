"""`fedbind choose`."""

from __future__ import annotations

from typing import Annotated

import typer

HELP = """Tell which shared modality to bind by, before a run.

Every modality that two groups or more hold is a candidate, whatever bind.by says. The nodes train its shared encoder as a
run would, and the server scores it without a label. Where nodes permit the audit, the true pairing accuracy stands beside
the score. Uses the first of the experiment's seeds, on the local engine; `bind.by=auto` makes the same choice in a run.

Examples:

  fedbind choose demo

  fedbind choose utd_mhad_acc data.root=/data/UTD-MHAD "groups.a.modalities=[accelerometer,gyroscope,skeleton]"
  "groups.b.modalities=[accelerometer,gyroscope,skeleton]" seeds=[1]
"""


def choose(
    config: Annotated[str, typer.Argument(help="YAML file, or the name of a shipped one.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="key.path=value, read as YAML.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """See HELP."""
    import torch

    from simulation.choose import choice_lines, experiment_to_choose_for
    from simulation.choose import choose as find

    torch.set_num_threads(1)  # as a run's jobs
    experiment = experiment_to_choose_for(config, overrides or [])
    found = find(experiment, (lambda text: None) if quiet else (lambda text: typer.echo(text, err=True)))
    typer.echo("\n".join(choice_lines(found)))
