"""How a command is put on the command line, and what all of them ask of what they are given."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import typer
from rich.markup import escape

from configs.errors import UserError


def add_commands(app: typer.Typer, commands: Mapping[str, tuple[Callable[..., Any], str]]) -> None:
    """Adds each name's function and help. What stands in brackets there is a list of an example and no mark-up."""
    for name, (work, told) in commands.items():
        app.command(name, help=escape(told))(_of_finite_numbers(work))


def check_folder(folder: Path | None, option: str, expected: str) -> None:
    """Raises UserError where a folder is named, by that option, that is not there."""
    if folder is not None and not folder.is_dir():
        raise UserError("no such folder", f"{option} {folder}", expected)


def _of_finite_numbers(work: Callable[..., Any]) -> Callable[..., Any]:
    """The command, that refuses an option which is not a number or infinite: a comparison with it holds for nothing."""

    @functools.wraps(work)
    def checked(**given: Any) -> Any:
        for name, value in given.items():
            if isinstance(value, float) and not math.isfinite(value):
                command = click.get_current_context().command
                options = [each for each in command.params if each.name == name]
                raise click.BadParameter(f"{value} is not a finite number", param=options[0] if options else None)
        return work(**given)

    return checked
