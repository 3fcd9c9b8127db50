"""`fedbind data`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The data sets fedbind reads, and what lies in a folder.", no_args_is_help=True)


@app.command("list")
def list_sets(name: Annotated[str | None, typer.Argument(help="One data set only.")] = None) -> None:
    """Every data set: citation, terms, where it is published, expected tree, modalities, rates, classes, options."""
    from client.data.catalogue import dataset
    from client.data.describe import card_text, cards

    chosen = cards() if name is None else [dataset(name).card]
    typer.echo("\n\n".join(card_text(card) for card in chosen))


@app.command("check")
def check(
    name: Annotated[str, typer.Argument(help="Which data set the folder holds; see `fedbind data list`.")],
    folder: Annotated[Path | None, typer.Argument(help="The folder; none for simulated recordings.")] = None,
    option: Annotated[list[str] | None, typer.Option(help="An option of the data set, as key=value.")] = None,
    page: Annotated[
        Path | None, typer.Option(help="Also write FILE.html, which shows what the signals look like.")
    ] = None,
) -> None:
    """Read a folder and say what was found: subjects, classes, lengths, rates, gaps, and what could not be read."""
    from client.data.describe import check as examine
    from client.data.explain import check_text
    from client.data.gallery import Gallery
    from client.data.page import write_page
    from configs.errors import UserError
    from configs.load import options_from

    gallery = Gallery()
    found = examine(name, folder, options=options_from(option or []), show=gallery.add if page is not None else None)
    typer.echo(check_text(found))
    if page is not None:
        write_page(page, found, gallery)
        typer.echo(f"\nwritten: {page}")
    if found.faults:
        raise UserError(f"of {', '.join(found.faults)} nothing could be read", where=str(folder or name),
                        todo="mend what is named above, or leave it out")  # fmt: skip
