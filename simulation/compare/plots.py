"""A comparison's pictures: accuracy at the end, and on the way over rounds, bytes and simulated time."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from simulation.compare.figures import Line, Place, Row, by_strategy, mean_curve
from simulation.compare.ranking import Ranking

_DASHES = ("-", "--", ":")


def ends(settings: Sequence[str], lines: Sequence[Line], ranking: Ranking, note: str) -> bytes:
    """PNG: for each setting a panel, each strategy's mean and standard deviation, and its worst tenth of nodes beside."""
    places = [place for place in dict.fromkeys(line.place for line in lines) if place is not None]
    order = [each.strategy for each in ranking.order] or list(dict.fromkeys(line.strategy for line in lines))
    figure = _figure(3.0 + 3.2 * len(places), 1.8 + 0.3 * len(order))
    panels = figure.subplots(1, len(places), sharey=True, squeeze=False)[0]
    for axes, place in zip(panels, places, strict=True):
        for line in (each for each in lines if each.place == place):
            at = len(order) - 1 - order.index(line.strategy)
            axes.errorbar(100 * line.accuracy["mean"], at, xerr=100 * (line.accuracy["std"] or 0.0), fmt="o",
                          color="#0072b2", capsize=3)  # fmt: skip
            if line.worst_decile is not None:
                axes.plot(100 * line.worst_decile, at, marker="|", color="#d55e00", markersize=9)
        axes.set_yticks(range(len(order)), order[::-1])
        axes.set_xlabel("accuracy, %")
        axes.set_title(_title(settings, place), fontsize=9)
        axes.set_ylim(-0.6, len(order) - 0.4)
        axes.grid(axis="x", color="#e3e8ee")
    return _png(figure, f"{note} Dots: mean ± standard deviation over seeds; bars: worst tenth of the nodes.")


def ways(
    settings: Sequence[str],
    rows: Sequence[Row],
    strategies: Sequence[str],
    targets: Mapping[Place, float | None],
    note: str,
) -> bytes | None:
    """PNG: for each setting a row of panels, mean accuracy between rounds over rounds, bytes and, with a trace, time.

    None where nothing was measured between rounds.
    """
    drawn = [row for row in rows if row.curve]
    if not drawn:
        return None
    places = list(dict.fromkeys(row.place for row in drawn))
    timed = any(seconds is not None for row in drawn for _, _, seconds in row.curve.values())
    titles = ["round", "bytes sent, MB", *(["simulated time, s"] if timed else [])]
    figure = _figure(4.2 * len(titles) + 1.6, 3.4 * len(places))
    panels = figure.subplots(len(places), len(titles), squeeze=False)
    colours = colormaps["tab10"].colors  # type: ignore[attr-defined]
    for down, (across, place) in enumerate(zip(panels, places, strict=True)):
        for name, of in by_strategy([row for row in drawn if row.place == place], strategies).items():
            number = list(strategies).index(name)
            curve = mean_curve(of)
            accuracy = [100 * each[0] for each in curve.values()]
            xs = [list(curve), [each[1] / 1e6 for each in curve.values()]]
            if timed:
                xs.append([np.nan if each[2] is None else each[2] for each in curve.values()])
            for axes, x in zip(across, xs, strict=True):
                axes.plot(x, accuracy, label=name if down == 0 and axes is across[0] else None,
                          color=colours[number % 10], linestyle=_DASHES[number // 10 % 3], linewidth=1.4)  # fmt: skip
        for axes, title in zip(across, titles, strict=True):
            if targets.get(place) is not None:
                axes.axhline(100 * (targets[place] or 0.0), color="#6b6b6b", linewidth=0.8, linestyle=":")
            axes.set_xlabel(title)
            axes.grid(axis="y", color="#e3e8ee")
        across[0].set_ylabel("accuracy between rounds, %")
        across[0].set_title(_title(settings, place), fontsize=9)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    return _png(figure, f"{note} Mean over seeds; dotted: the target.")


def _title(settings: Sequence[str], place: Place) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(settings, place, strict=True))


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Figure, note: str) -> bytes:
    figure.supxlabel(note, fontsize=7, color="#5b6875")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
