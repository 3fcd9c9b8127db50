"""A study's picture: bars by method, or lines along one axis."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from configs.study import Study
from simulation.study.table import Line

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5c99", "#6b6b6b", "#000000")


def picture(study: Study, table: Sequence[Line], note: str) -> bytes:
    """PNG of the table's means with their standard deviations; `note` stands below (which data, how many seeds)."""
    figure = Figure(figsize=(8.0, 4.2), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    places, methods = list(dict.fromkeys(t.place for t in table)), list(dict.fromkeys(t.method for t in table))
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
        axes.set_xticks(range(len(places)), [", ".join(p) or study.name for p in places])
    axes.set_ylabel(study.measured.replace(", mean", ",\nmean"))
    axes.set_title(study.title, fontsize=11)
    axes.grid(axis="y", color="#e3e8ee")
    axes.set_axisbelow(True)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    figure.supxlabel(note, fontsize=7, color="#5b6875")
    text = io.BytesIO()
    figure.savefig(text, format="png", metadata={"Software": None})  # the same bytes from the same figures
    return text.getvalue()
