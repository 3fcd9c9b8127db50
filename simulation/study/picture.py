"""A study's picture: bars by method, or lines along one axis."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from configs.study import Study
from simulation.study.table import Line

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5c99", "#6b6b6b", "#000000")
_LEVEL = 70  # so many letters of names stand side by side below a picture
_LETTERS_UP = 40  # so many one above the other beside it


def picture(study: Study, table: Sequence[Line], note: str) -> bytes:
    """PNG of the table's means with their standard deviations; `note` stands below (which data, how many seeds)."""
    return as_png(drawn(study, table), study.title, note)


def drawn(study: Study, table: Sequence[Line]) -> Figure:
    """The same without its title, legend and note."""
    places, methods = list(dict.fromkeys(t.place for t in table)), list(dict.fromkeys(t.method for t in table))
    figure = new_figure(width=max(8.0, 0.75 * len(places)))
    axes = figure.add_subplot()
    x_of = {v.name: v.x for axis in study.axes if not axis.over for v in axis.values}
    for number, method in enumerate(methods):
        found = {t.place: t for t in table if t.method == method}
        means = [study.scale * found[p].mean if p in found else np.nan for p in places]
        spreads = [study.scale * found[p].std if p in found else np.nan for p in places]
        colour = COLOURS[number % len(COLOURS)]
        if study.picture == "lines":
            at = [float(x_of[p[0]] or 0.0) for p in places]
            axes.errorbar(at, means, spreads, label=method, color=colour, marker="o", capsize=3)
        else:
            width = 0.8 / len(methods)
            at = [place + (number - (len(methods) - 1) / 2) * width for place in range(len(places))]
            axes.bar(at, means, width * 0.92, yerr=spreads, label=method, color=colour, capsize=2)
    if study.picture == "lines":
        axes.set_xlabel(next(axis.name for axis in study.axes if not axis.over))
    else:
        names = [", ".join(p) or study.name for p in places]
        axes.set_xticks(range(len(places)), names)
        for name in axes.get_xticklabels() if sum(map(len, names)) > _LEVEL else ():
            name.set(rotation=25, horizontalalignment="right")
    axes.set_ylabel(textwrap.fill(study.measured, _LETTERS_UP))
    axes.grid(axis="y", color="#e3e8ee")
    axes.set_axisbelow(True)
    return figure


def new_figure(width: float = 8.0) -> Figure:
    """An empty figure, `width` inches wide, that draws without a screen."""
    figure = Figure(figsize=(width, 4.2), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def as_png(figure: Figure, title: str, note: str) -> bytes:
    """The figure under its title, its legend beside it and a note below: the same bytes from the same figures."""
    titled(figure, title, note)
    text = io.BytesIO()
    figure.savefig(text, format="png", metadata={"Software": None})
    return text.getvalue()


def titled(figure: Figure, title: str, note: str) -> None:
    """Gives a figure its title, legend and note, each in a place of its own."""
    figure.suptitle(title, fontsize=11)
    figure.legend(loc="outside right center", fontsize=8, frameon=False)
    figure.supxlabel(note, fontsize=7, color="#5b6875")
