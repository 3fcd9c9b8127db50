"""A study's picture of curves: test accuracy over fine-tuning epochs, a line a method, one panel a place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from configs.study import Study
from simulation.study.picture import COLOURS, as_png, new_figure
from simulation.study.table import Row, by_place

Curve = tuple[list[int], np.ndarray, np.ndarray]


def curve_of(rows: Sequence[Row]) -> Curve:
    """Epochs that every row with a curve has, mean accuracy there, and its standard deviation over the rows (0 for one)."""
    drawn = [row.curve for row in rows if row.curve]
    epochs = sorted(set.intersection(*(set(curve) for curve in drawn))) if drawn else []
    values = np.array([[curve[epoch] for epoch in epochs] for curve in drawn]).reshape(len(drawn), len(epochs))
    if not epochs:
        return [], np.zeros(0), np.zeros(0)
    return epochs, values.mean(axis=0), values.std(axis=0, ddof=1) if len(drawn) > 1 else np.zeros(len(epochs))


def curves(study: Study, rows: Sequence[Row], methods: Sequence[str], note: str) -> bytes | None:
    """PNG of each method's mean curve with a band of one standard deviation; None where no job has a curve."""
    places = {place: found for place, found in by_place(study, rows).items() if any(row.curve for row in found)}
    if not places:
        return None
    figure = new_figure(width=8.0 if len(places) == 1 else 2.0 + 4.0 * len(places))
    panels = figure.subplots(1, len(places), sharey=True, squeeze=False)[0]
    for axes, (place, found) in zip(panels, places.items(), strict=True):
        for number, method in enumerate(methods):
            epochs, mean, std = curve_of([row for row in found if row.method == method])
            if not epochs:
                continue
            colour, first = COLOURS[number % len(COLOURS)], axes is panels[0]
            axes.plot(epochs, 100 * mean, color=colour, label=method if first else None, linewidth=1.6)
            axes.fill_between(epochs, 100 * (mean - std), 100 * (mean + std), color=colour, alpha=0.15, linewidth=0)
        axes.set_xlabel("epoch of fine-tuning")
        axes.set_title(", ".join(place), fontsize=9)
        axes.grid(axis="y", color="#e3e8ee")
    panels[0].set_ylabel("test accuracy, %")
    return as_png(figure, study.title, f"{note} Bands: one standard deviation.")
