"""What `fedbind data check` found, as one page that needs nothing else: the counts, and what the signals look like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup, escape

from client.data.describe import DatasetCheck
from client.data.explain import check_text
from client.data.gallery import Gallery
from client.data.page_template import TEMPLATE
from client.data.pictures import COLOURS, shown_channels, trace_svg
from configs.errors import UserError


def check_page(found: DatasetCheck, gallery: Gallery) -> str:
    """The page as HTML. It shows recorded values and subjects' names, so it stays where the recordings may lie."""
    jinja = Environment(
        loader=DictLoader({"page": TEMPLATE}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = [section(found, gallery, modality) for modality in found.modalities]
    return jinja.get_template("page").render(found=found, sections=sections, text=check_text(found))


def write_page(path: Path, found: DatasetCheck, gallery: Gallery) -> None:
    """Writes the page. Raises UserError where the file cannot be written."""
    try:
        path.write_text(check_page(found, gallery), encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"the page cannot be written ({error.strerror})",
            where=str(path),
            expected="a file that may be written",
            todo="name one in a folder that is there",
        ) from error


def section(found: DatasetCheck, gallery: Gallery, modality: str) -> dict[str, Any]:
    """What the template shows of one modality: its facts, its scale, and a row of pictures for each class."""
    facts = found.modalities[modality]
    low, high = gallery.span(modality)
    channels = shown_channels(facts.channels)
    rows = []
    for label, name in enumerate(found.classes):
        pictures = []
        for each in gallery.excerpts.get((modality, label), []):
            said = escape(f"{modality}, {name}, subject {each.subject}")
            svg = Markup(trace_svg(each.signal, low, high, str(said)))
            pictures.append(
                {"svg": svg, "subject": each.subject, "seconds": each.signal.duration_s, "of": each.recording}
            )
        rows.append({"name": name, "pictures": pictures})
    return {
        "name": modality,
        "facts": facts,
        "low": f"{low:.3g}",
        "high": f"{high:.3g}",
        "rows": rows,
        "channels": [(channel, COLOURS[number % len(COLOURS)]) for number, channel in enumerate(channels)],
    }
