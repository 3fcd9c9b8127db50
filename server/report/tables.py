"""The page's tables as rows of ready-made texts: numbers of one column have equally many decimals.

A figure that is not there is an en dash, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from server.report.figures import method_title
from server.report.plots import COLOURS, dot_strip
from server.report.record import RunRecord

NONE = "\N{EN DASH}"
PHASES = (
    "describe",
    "encoder",
    "adapt",
    "autoencoder",
    "embed",
    "bind",
    "generate",
    "contrast",
    "measure",
    "fine-tune",
    "evaluate",
    "report",
)
Spread = Mapping[str, Any] | None


class Cell(NamedTuple):
    """A mean and its spread, printed in two columns so that both align on the decimals."""

    mean: str
    std: str


def fixed(value: float | None, digits: int, scale: float = 1.0) -> str:
    """A number with so many decimals, or an en dash."""
    return NONE if value is None else f"{value * scale:,.{digits}f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def cell(spread: Spread, digits: int, scale: float = 1.0) -> Cell:
    """Mean and "± std" of a spread of summary.json; no std for one seed."""
    if spread is None:
        return Cell(NONE, "")
    std = spread.get("std")
    return Cell(fixed(spread["mean"], digits, scale), "" if std is None else f"± {fixed(std, digits, scale)}")


def headline_rows(record: RunRecord) -> list[dict[str, Any]]:
    """Per method: accuracy and macro-F1 in three ways of choosing the epoch, seeds as dots, CPU seconds."""
    methods = record.summary["methods"]
    known = [
        v for figures in methods.values() for v in (figures["accuracy"] or {}).get("per_seed", []) if v is not None
    ]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    rows = []
    for i, (method, figures) in enumerate(methods.items()):
        per_seed = (figures["accuracy"] or {}).get("per_seed", [])
        said = "accuracy per seed: " + ", ".join(f"{fixed(value, 1, 100)} %" for value in per_seed)
        rows.append(
            {
                "method": method_title(method),
                "front": method == record.headline,
                "accuracy": cell(figures["accuracy"], 1, 100),
                "macro_f1": cell(figures["macro_f1"], 3),
                "accuracy_81_200": cell(figures["accuracy_epochs_81_200"], 1, 100),
                "macro_f1_81_200": cell(figures["macro_f1_epochs_81_200"], 3),
                "accuracy_last": cell(figures["accuracy_last_epoch"], 1, 100),
                "strip": dot_strip(per_seed, low, high, COLOURS[i % len(COLOURS)], said),
                "said": said,
                "cpu": cell(figures["cpu_seconds"], 0),
            }
        )
    return rows


def self_training_rows(record: RunRecord) -> list[dict[str, Any]]:
    """Per method that learnt on from pseudo-labels: accuracy before and after, and what these labels were like."""
    rows = []
    for method, figures in record.summary["methods"].items():
        told = figures.get("self_training")
        if told:
            rows.append(
                {
                    "method": method_title(method),
                    "before": cell(figures.get("accuracy_fine_tuned"), 1, 100),
                    "after": cell(figures["accuracy"], 1, 100),
                    "samples": cell(told.get("samples"), 0),
                    "confidence": cell(told.get("confidence"), 1, 100),
                    "changed": cell(told.get("changed"), 1, 100),
                    "accuracy_of_own": cell(told.get("accuracy_of_own"), 1, 100),
                    "accuracy": cell(told.get("accuracy"), 1, 100),
                }
            )
    return rows


def strip_scale(record: RunRecord) -> tuple[str, str]:
    """The least and the most accuracy of any seed, the ends of the dots' scale."""
    spreads = [figures["accuracy"] for figures in record.summary["methods"].values() if figures["accuracy"]]
    known = [value for spread in spreads for value in spread["per_seed"] if value is not None]
    return (fixed(min(known), 1, 100), fixed(max(known), 1, 100)) if known else (NONE, NONE)


def seed_rows(record: RunRecord) -> list[dict[str, str]]:
    """Per finished job: its figures, the epoch chosen, labels and samples used, its cost."""
    return [
        {
            "method": method_title(job.method),
            "seed": str(job.seed),
            "accuracy": fixed(job.result.get("accuracy"), 1, 100),
            "macro_f1": fixed(job.result.get("macro_f1"), 3),
            "auc": fixed(job.result.get("auc"), 3),
            "accuracy_81_200": fixed(job.result.get("accuracy_epochs_81_200"), 1, 100),
            "chosen_epoch": fixed(job.result.get("chosen_epoch"), 0),
            "labels_used": fixed(job.result.get("labels_used"), 0),
            "test_samples": fixed(job.result.get("test_samples"), 0),
            "pairing": fixed(job.result.get("pairing_accuracy"), 1, 100),
            "raw_cosine": fixed(job.result.get("pairing_raw_cosine"), 1, 100),
            "seconds": fixed((job.result.get("seconds") or {}).get("total"), 1),
            "cpu": fixed(job.result.get("cpu_seconds"), 1),
        }
        for job in record.jobs
        if job.result is not None
    ]


def subset_table(record: RunRecord) -> dict[str, Any]:
    """Accuracy and macro-F1 per modality subset (rows: fewest modalities first) and method (columns)."""
    methods = record.summary["methods"]
    subsets = dict.fromkeys(subset for figures in methods.values() for subset in figures["by_subset"])
    unseen = {m for job in record.finished_jobs for m in (job.result or {}).get("never_tuned") or []}
    rows = []
    for subset in sorted(subsets, key=lambda name: (name.count("+"), list(subsets).index(name))):
        cells = []
        for i, figures in enumerate(methods.values()):
            of_subset = figures["by_subset"].get(subset) or {}
            accuracy = of_subset.get("accuracy")
            cells.append(
                {
                    "accuracy": cell(accuracy, 1, 100),
                    "macro_f1": cell(of_subset.get("macro_f1"), 3),
                    "width": 0 if accuracy is None else round(100 * accuracy["mean"], 1),
                    "colour": COLOURS[i % len(COLOURS)],
                }
            )
        names = [f"{m} (never fine-tuned)" if m in unseen else m for m in subset.split("+")]
        rows.append({"subset": " + ".join(names), "cells": cells})
    return {"methods": [method_title(method) for method in methods], "rows": rows}


def node_rows(record: RunRecord) -> list[dict[str, Any]]:
    """Per method and network that was judged node by node: mean, worst tenth and spread over nodes; simulated seconds."""
    told = (
        ("test nodes", "nodes"),
        ("fine-tuning nodes, shared model", "shared"),
        ("fine-tuning nodes, own model", "own"),
    )
    rows = []
    for method, figures in record.summary["methods"].items():
        found = {"nodes": figures.get("nodes"), **(figures.get("personal") or {})}
        rows += [
            {
                "method": method_title(method),
                "where": where,
                "cells": [cell(over.get(name), 1, 100) for name in ("mean", "worst_decile", "std")],
                "simulated": cell(figures.get("simulated_seconds") if key == "nodes" else None, 1),
            }
            for where, key in told
            if (over := found.get(key)) is not None
        ]
    return rows


def embedding_rows(record: RunRecord) -> list[dict[str, Any]]:
    """Per method with embeddings: what they are worth before fine-tuning, each figure as a cell, in the page's order."""
    shown = (
        ("recall_at_1", 1, 100), ("recall_at_5", 1, 100), ("mean_average_precision", 3, 1),
        ("class_recall_at_1", 1, 100), ("class_mean_average_precision", 3, 1),
        ("nearest_accuracy", 1, 100), ("knn_accuracy", 1, 100), ("linear_probe_accuracy", 1, 100),
        ("alignment", 2, 1), ("uniformity", 2, 1), ("node_guess", 2, 1),
    )  # fmt: skip
    return [
        {
            "method": method_title(method),
            "front": method == record.headline,
            "cells": [cell(of.get(name), digits, scale) for name, digits, scale in shown],
        }
        for method, figures in record.summary["methods"].items()
        if (of := figures["embeddings"]) is not None
    ]


def candidate_rows(record: RunRecord) -> list[dict[str, Any]]:
    """Modalities that the front method could have bound by: means over the seeds, and in how many each was taken."""
    entries: dict[tuple[str, str], list[dict[str, Any]]] = {}
    jobs = [job for job in record.of(record.headline) if job.result and job.result.get("candidates")]
    for job in jobs:
        for entry in (job.result or {})["candidates"]:
            entries.setdefault(("–".join(entry["between"]), entry["by"]), []).append(entry)

    def mean(found: Sequence[Mapping[str, Any]], key: str) -> float | None:
        known = [entry[key] for entry in found if entry[key] is not None]
        return fmean(known) if known else None

    rows = [
        {
            "groups": groups,
            "by": by,
            **{key: fixed(mean(found, key), 2) for key in ("score", "separability", "node_guess")},
            "right": fixed(mean(found, "pairing_accuracy"), 1, 100),
            "taken": f"{sum(entry['taken'] for entry in found)} of {len(found)}",
        }
        for (groups, by), found in entries.items()
    ]
    return sorted(rows, key=lambda row: row["groups"])


def bytes_unit(most: float, at_least: float = 10) -> tuple[str, float]:
    """The unit (powers of 1000) in which `most` bytes are at least so many, and how many bytes it is."""
    for unit, many in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if most >= at_least * many:
            return unit, many
    return "B", 1.0


def phases_in_order(phases: Iterable[str]) -> list[str]:
    """The phases in the order of a run, unknown ones after them as they come."""
    return sorted(phases, key=lambda phase: PHASES.index(phase) if phase in PHASES else len(PHASES))


def bytes_table(record: RunRecord, key: str) -> dict[str, Any]:
    """What travelled by phase, modality or block ("by_phase", "by_modality", "by_block"), with the bars' widths in per cent.

    A block's row is named after its phase too.
    """
    parts = record.summary["bytes"][key]
    if key == "by_block":
        parts = {f"{phase}: {name}": parts[phase][name] for phase in phases_in_order(parts) for name in parts[phase]}
    most = max((max(part["up"], part["down"]) for part in parts.values()), default=0)
    unit, many = bytes_unit(max(record.summary["bytes"]["up"], record.summary["bytes"]["down"]))
    digits = 0 if many == 1 else 2
    in_order = phases_in_order(parts) if key == "by_phase" else list(parts)
    rows = [
        {
            "name": name,
            "up": _some(part["up"] / many, digits),
            "down": _some(part["down"] / many, digits),
            "up_width": round(100 * part["up"] / most, 1) if most else 0,
            "down_width": round(100 * part["down"] / most, 1) if most else 0,
        }
        for name in in_order
        for part in (parts[name],)
    ]
    total = {
        direction: fixed(sum(part[direction] for part in parts.values()) / many, digits) for direction in ("up", "down")
    }
    return {"unit": unit, "rows": rows, "total": total}


def _some(value: float, digits: int) -> str:
    """As `fixed`, but what is more than nothing never reads as nothing."""
    return f"< {10**-digits:.{digits}f}" if 0 < value < 0.5 * 10**-digits else fixed(value, digits)


def method_bytes_rows(record: RunRecord) -> dict[str, Any]:
    """Bytes up and down per method, mean over its seeds."""
    means = {}
    for method in record.summary["methods"]:
        parts = [job.result.get("bytes") or {} for job in record.of(method) if job.result]
        means[method] = {way: fmean(part.get(way) or 0 for part in parts) for way in ("up", "down")}
    unit, many = bytes_unit(max((max(mean.values()) for mean in means.values()), default=0))
    digits = 0 if many == 1 else 2
    rows = [
        {"method": method_title(method), **{way: fixed(mean[way] / many, digits) for way in ("up", "down")}}
        for method, mean in means.items()
    ]
    return {"unit": unit, "rows": rows}


def time_table(record: RunRecord) -> dict[str, Any]:
    """Seconds per phase (rows) and method (columns), mean over the seeds that finished."""
    methods = list(record.summary["methods"])
    parts = {m: [job.result.get("seconds") or {} for job in record.of(m) if job.result] for m in methods}
    phases = dict.fromkeys(p for of_method in parts.values() for part in of_method for p in part.get("by_phase") or {})

    def mean(method: str, phase: str | None) -> float | None:
        known = [
            value
            for part in parts[method]
            if (value := part.get("total") if phase is None else (part.get("by_phase") or {}).get(phase)) is not None
        ]
        return fmean(known) if known else None

    return {
        "methods": [method_title(method) for method in methods],
        "rows": [(phase, [fixed(mean(method, phase), 1) for method in methods]) for phase in phases_in_order(phases)],
        "total": [fixed(mean(method, None), 1) for method in methods],
    }


def skipped_rows(record: RunRecord) -> list[dict[str, str]]:
    """Nodes that missed rounds: one row per method, phase, node and reason, the most frequent first.

    Finished jobs are read from their results, others from their events.
    """
    groups: dict[tuple[str, str, str, str], list[tuple[int, Any]]] = {}
    for job in record.jobs:
        seen = [event for event in job.events if event["event"] == "skip"]
        skips = (job.result.get("nodes") or {}).get("skipped") or [] if job.result else seen
        for skip in skips:
            key = (method_title(job.method), str(skip.get("phase")), str(skip.get("node")), str(skip.get("reason")))
            groups.setdefault(key, []).append((job.seed, skip.get("round")))
    rows = []
    for (method, phase, node, reason), places in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        by_seed: dict[int, list[str]] = {}
        for seed, number in places:
            by_seed.setdefault(seed, []).append(str(number))
        where = "; ".join(f"seed {seed}: {_few(numbers)}" for seed, numbers in by_seed.items())
        rows.append(
            {
                "method": method,
                "phase": phase,
                "node": node,
                "reason": reason,
                "times": str(len(places)),
                "where": where,
            }
        )
    return rows


def _few(numbers: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(numbers[:most])
    return shown if len(numbers) <= most else f"{shown} and {len(numbers) - most} more"


def skipped_files(record: RunRecord) -> list[tuple[str, str, str]]:
    """(where, reason, in how many jobs) of every file or stretch of data that was left out."""
    counts: dict[tuple[str, str], int] = {}
    for job in record.finished_jobs:
        for skip in (job.result or {}).get("data_skipped") or []:
            key = (str(skip.get("where")), str(skip.get("reason")))
            counts[key] = counts.get(key, 0) + 1
    return [(where, reason, str(count)) for (where, reason), count in counts.items()]


def job_rows(record: RunRecord) -> list[dict[str, str]]:
    """Every job that was asked for, and where it stands."""
    rows = []
    for job in record.jobs:
        seconds = max((event.get("t") or 0.0 for event in job.events), default=0.0)
        rows.append(
            {"method": method_title(job.method), "seed": str(job.seed), "place": job.place, "t": fixed(seconds, 0)}
        )
    rows += [
        {"method": method_title(method), "seed": str(seed), "place": "not begun", "t": NONE}
        for method, seed in record.missing
    ]
    return rows


def notes(record: RunRecord) -> list[str]:
    """What the run wanted a person to read, each text once."""
    return list(
        dict.fromkeys(
            str(event.get("text", "")) for job in record.jobs for event in job.events if event["event"] == "note"
        )
    )


def package_rows(record: RunRecord) -> list[tuple[str, str]]:
    """The environment as (what, value), packages last."""
    environment = dict(record.environment)
    packages = environment.pop("packages", None) or {}
    environment.pop("command", None)
    memory = environment.pop("memory_bytes", None)
    if isinstance(memory, int | float):
        environment["memory"] = f"{memory / 1e9:.1f} GB"
    return [(str(k), str(v)) for k, v in environment.items()] + [(str(k), str(v)) for k, v in packages.items()]
