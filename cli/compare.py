"""`fedbind compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HELP = """Compare aggregation strategies over a grid of settings and seeds, with an equal search of rates for each.

--over may be given often: `strategy` (names, or module:name of your own), `alpha` (skew of labels over nodes; small is
skewed), `nodes` (in each group that pre-trains), or any key.path of the configuration. What is finished is kept: the
same command goes on where it stopped.

Examples:

  fedbind compare demo --over strategy=fedavg,fedadam,krum --over alpha=0.1,10 --seeds 3

  fedbind compare utd_mhad_acc data.root=/data/UTD-MHAD --over strategy=fedavg,scaffold --parameter scaffold.server_rate=0.5
"""


def compare(
    config: Annotated[str, typer.Argument(help="YAML file, or the name of a shipped one.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="key.path=value, read as YAML, for all.")] = None,
    over: Annotated[list[str] | None, typer.Option(help="key=value,value: what is varied.")] = None,
    parameter: Annotated[list[str] | None, typer.Option(help="strategy.name=value: a strategy's parameter.")] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="So many seeds from 0; default: the configuration's.")
    ] = None,
    tries: Annotated[int, typer.Option(min=1, help="Settings of the rates tried for each strategy.")] = 5,
    no_tune: Annotated[bool, typer.Option("--no-tune", help="Leave the rates at their defaults.")] = False,
    tune_seed: Annotated[int | None, typer.Option(min=0, help="Seed of the search; default: the first.")] = None,
    tune_each: Annotated[
        bool, typer.Option("--tune-each", help="Search at every setting, not at the first of each alone.")
    ] = False,
    target: Annotated[float, typer.Option(min=0.01, max=1.0, help="Share of the best accuracy between rounds.")] = 0.95,
    workers: Annotated[int | None, typer.Option(min=0, help="Jobs side by side; default run.workers.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder; default comparisons/<name>.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Last line of standard output: the result as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """See HELP."""
    from json import dumps

    from configs.comparison import Plan
    from configs.errors import UserError
    from simulation.compare.run import comparison_of, run_comparison

    plan = Plan(tries=1 if no_tune else tries, tune_seed=tune_seed, tune_each=tune_each, target=target)
    asked = comparison_of(config, overrides or [], over or [], parameter or [], seeds, plan)
    folder = out or Path("comparisons") / asked.study.name.removeprefix("compare-")
    outcome = run_comparison(asked, folder, workers, (lambda text: None) if quiet else _say)
    if json:
        print(dumps(outcome.told, allow_nan=False))
    else:
        print((folder / "table.csv").read_text(), end="")
        print(f"page: {folder / 'index.html'}")
    if outcome.failed:
        raise UserError(f"{len(outcome.failed)} jobs failed", where=str(folder), expected="\n".join(outcome.failed),
                        todo="mend what is named, and give the same command again")  # fmt: skip


def _say(text: str) -> None:
    typer.echo(text, err=True)
