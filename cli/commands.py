"""How a command is put on the command line: under its name, with its module's HELP as plain text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import typer
from rich.markup import escape


def add_commands(app: typer.Typer, commands: Mapping[str, tuple[Callable[..., Any], str]]) -> None:
    """Adds each name's function and help. What stands in brackets there is a list of an example and no mark-up."""
    for name, (work, told) in commands.items():
        app.command(name, help=escape(told))(work)
