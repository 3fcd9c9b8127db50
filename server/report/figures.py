"""The page's charts, made from a run's record: losses per phase and node, fine-tuning, pairing and confusion."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, quantiles
from typing import Any

from markupsafe import Markup

from server.report.plots import COLOURS, DASHES, INK, Figure, Line, Number, line_figure, matrix_svg
from server.report.record import JobRecord, RunRecord
from server.tracking import Event

NODES_WITH_OWN_COLOUR = 8


def method_title(method: str) -> str:
    """The method's name as a reader sees it."""
    return method.replace("_", " ")


def loss_figures(job: JobRecord, *, named: bool) -> list[Figure]:
    """One chart per phase that reported losses: all nodes together, and each node (many nodes: their spread)."""
    figures = []
    for phase in job.phases_with_rounds:
        rounds = job.rounds(phase)
        if any(event.get("loss") is not None or event.get("node_losses") for event in rounds):
            title = f"{method_title(job.method)}, seed {job.seed}: {phase}" if named else phase
            figures.append(line_figure(title, _loss_lines(rounds), x_label="round", y_label="loss"))
    return figures


def _loss_lines(rounds: Sequence[Event]) -> list[Line]:
    x = [event["round"] for event in rounds]
    nodes = dict.fromkeys(node for event in rounds for node in event.get("node_losses") or {})
    series = {node: [(event.get("node_losses") or {}).get(node) for event in rounds] for node in nodes}
    lines = []
    if len(series) <= NODES_WITH_OWN_COLOUR:
        ordered = sorted(series, key=lambda node: (not str(node).isdigit(), len(str(node)), str(node)))
        for i, node in enumerate(ordered):
            lines.append(Line(f"node {node}", x, series[node], COLOURS[i], DASHES[i % len(DASHES)], 1.3))
    else:
        at_round: list[list[float]] = [[v for s in series.values() if (v := s[i]) is not None] for i in range(len(x))]
        quarters = [quantiles(values, n=4) if len(values) > 1 else [None] * 3 for values in at_round]
        middle = [quarter[1] for quarter in quarters]
        low, high = [quarter[0] for quarter in quarters], [quarter[2] for quarter in quarters]
        name = f"middle of {len(series)} nodes (band: half of them)"
        lines.append(Line(name, x, middle, COLOURS[0], DASHES[1], 1.3, low, high))
    lines.append(Line("all nodes", x, [event.get("loss") for event in rounds], INK, width=2.2))
    return lines


def curve_of(job: JobRecord) -> dict[str, list[Any]]:
    """Epochs with their validation and test accuracy: of the result, else of the epochs seen so far."""
    curve = (job.result or {}).get("curve")
    if curve and curve.get("epoch"):
        return {key: list(curve.get(key) or []) for key in ("epoch", "validation_accuracy", "test_accuracy")}
    epochs = job.epochs()
    return {
        "epoch": [event["epoch"] for event in epochs],
        **{key: [event.get(key) for event in epochs] for key in ("validation_accuracy", "test_accuracy")},
    }


def fine_tuning_figure(method: str, jobs: Sequence[JobRecord]) -> Figure | None:
    """Validation and test accuracy over epochs, mean over the seeds (band: least to most); None without epochs."""
    curves = [curve for job in jobs if (curve := curve_of(job))["epoch"]]
    if not curves:
        return None
    lines = []
    for key, name, colour, dash in (
        ("test_accuracy", "test", COLOURS[1], DASHES[1]),
        ("validation_accuracy", "validation", COLOURS[0], ""),
    ):
        by_epoch: dict[int, list[float]] = {}
        for curve in curves:
            for epoch, value in zip(curve["epoch"], curve[key] or [None] * len(curve["epoch"]), strict=False):
                if value is not None:
                    by_epoch.setdefault(epoch, []).append(value)
        x = sorted(by_epoch)
        low: list[Number] = [min(by_epoch[epoch]) for epoch in x]
        high: list[Number] = [max(by_epoch[epoch]) for epoch in x]
        mean = [fmean(by_epoch[epoch]) for epoch in x]
        banded = len(curves) > 1
        lines.append(Line(name, x, mean, colour, dash, 2.0, low if banded else None, high if banded else None))
    chosen = [job.result["chosen_epoch"] for job in jobs if job.result and job.result.get("chosen_epoch") is not None]
    many = f", {len(curves)} seeds" if len(curves) > 1 else ""
    title = f"{method_title(method)}{many}"
    return line_figure(title, lines, x_label="epoch", y_label="accuracy, %", percent=True, marks=chosen)


def added(matrices: Sequence[Sequence[Sequence[float]]]) -> list[list[float]]:
    """The matrices (class, class) of several seeds added up; those of another size than the first are left out."""
    first = matrices[0]
    alike = [m for m in matrices if len(m) == len(first) and all(len(r) == len(first[0]) for r in m)]
    return [[sum(m[i][j] for m in alike) for j in range(len(first[0]))] for i in range(len(first))]


def pairing_svg(record: RunRecord, method: str) -> Markup | None:
    """Anchor's class by partner's class, counts added over the seeds; None where the method bound nothing."""
    pairings = [job.pairing for job in record.of(method) if job.pairing and job.pairing.get("matrix")]
    if not pairings:
        return None
    return matrix_svg(
        added([pairing["matrix"] for pairing in pairings]),
        pairings[0]["classes"],
        pairings[0]["classes"],
        row_title="class of the sample",
        column_title="class of the partner it was bound to",
        share_title="same class",
    )


def pairing_share(record: RunRecord, in_summary: str, in_pairing: str) -> float | None:
    """A pairing accuracy (0 to 1) of the summary; before a job has finished, the mean of what its binding wrote."""
    if record.summary[in_summary] is not None:
        return float(record.summary[in_summary])
    written = [job.pairing.get(in_pairing) for job in record.of(record.headline) if job.pairing]
    known = [share for share in written if share is not None]
    return fmean(known) if known else None


def confusion(record: RunRecord, method: str | None) -> tuple[list[list[float]], list[str]] | None:
    """(class, predicted class) counts added over the seeds, and the classes; None where there is no result."""
    results = [job.result for job in record.of(method) if job.result and job.result.get("confusion")]
    if not results:
        return None
    return added([result["confusion"] for result in results]), list(results[0]["classes"])


def confusion_svg(counts: Sequence[Sequence[float]], classes: Sequence[str]) -> Markup:
    """The confusion matrix of `confusion` as a picture."""
    return matrix_svg(
        counts, classes, classes, row_title="class", column_title="predicted class", share_title="recognised"
    )


def mix_ups(
    counts: Sequence[Sequence[float]], classes: Sequence[str], most: int = 8
) -> list[tuple[str, str, float, float]]:
    """The most frequent errors as (class, taken for, how often, share of the class), most frequent first."""
    found = [
        (classes[i], classes[j], count, count / sum(row))
        for i, row in enumerate(counts)
        for j, count in enumerate(row)
        if i != j and count
    ]
    return sorted(found, key=lambda mix_up: (-mix_up[2], -mix_up[3], mix_up[:2]))[:most]
