"""`fedbind doctor`."""

from __future__ import annotations

import typer

HELP = (
    """Say what this machine has: versions, cores, memory, and what is missing. Exit code 2 if something needed is."""
)


def doctor() -> None:
    """See HELP."""
    from simulation.doctor import examine

    findings = examine()
    width = max(len(name) for name, _, _ in findings)
    for name, value, fault in findings:
        typer.echo(f"{'!!' if fault else 'ok'}  {name.ljust(width)}  {value}{'  – ' + fault if fault else ''}")
    if any(fault for *_, fault in findings):
        raise typer.Exit(2)
