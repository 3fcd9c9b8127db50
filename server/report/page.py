"""report.html: one self-contained page about one run, for a person who was not there.

No script and nothing fetched from elsewhere; what came from nodes and data sets is escaped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from server.report import figures, tables
from server.report.page_template import TEMPLATE
from server.report.plots import scale_svg
from server.report.record import RunRecord, read_run
from server.tracking import RunFolder, printable, without_private_paths


def write_page(run_folder: Path) -> Path:
    """Write report.html from what lies in the run folder, however far the run came; returns the page's path.

    UserError where the folder holds no run.
    """
    record = read_run(run_folder)
    RunFolder(run_folder).write_text("report.html", render(record))
    return run_folder / "report.html"


def render(record: RunRecord) -> str:
    """The page as HTML."""
    jinja = Environment(
        loader=DictLoader({"page": TEMPLATE}),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return jinja.get_template("page").render(context(record))


def context(record: RunRecord) -> dict[str, Any]:
    """What the template shows, in the order of the page."""
    headline = record.headline
    confused = figures.confusion(record, headline)
    pairings = [(m, svg) for m in record.methods if (svg := figures.pairing_svg(record, m)) is not None]
    front = next(iter(record.of(headline)), None)
    others = [job for job in record.jobs if job is not front]
    return {
        "name": record.name,
        "status": record.progress.get("status", "finished" if record.whole else "interrupted"),
        "error": record.progress.get("error"),
        "whole": record.whole,
        "jobs_done": len(record.finished_jobs),
        "jobs": record.jobs_asked,
        "job_rows": tables.job_rows(record),
        "data": record.summary["data"],
        "simulated": record.simulated,
        "command": record.environment.get("command", "not recorded"),
        "started": str(record.environment.get("started", "")).replace("T", " ").replace("+00:00", " UTC"),
        "seeds": record.summary["seeds"],
        "headline": figures.method_title(headline or ""),
        "tiles": tiles(record),
        "headline_rows": tables.headline_rows(record),
        "strip_scale": tables.strip_scale(record),
        "seed_rows": tables.seed_rows(record),
        "pairing": figures.pairing_share(record, "pairing_accuracy", "accuracy"),
        "raw_cosine": figures.pairing_share(record, "pairing_raw_cosine", "raw_cosine_accuracy"),
        "candidates": tables.candidate_rows(record),
        "pairings": [(figures.method_title(method), svg) for method, svg in pairings],
        "scale": scale_svg(),
        "losses": figures.loss_figures(front, named=False) if front else [],
        "losses_of": f"{figures.method_title(headline)}, seed {front.seed}" if front and headline else "",
        "other_losses": [figure for job in others for figure in figures.loss_figures(job, named=True)],
        "fine_tuning": [f for m in record.methods if (f := figures.fine_tuning_figure(m, record.of(m))) is not None],
        "subsets": tables.subset_table(record),
        "self_training_rows": tables.self_training_rows(record),
        "node_rows": tables.node_rows(record),
        "embedding_rows": tables.embedding_rows(record),
        "confusion": figures.confusion_svg(*confused) if confused else None,
        "mix_ups": [
            (true, taken, tables.fixed(count, 0), tables.fixed(share, 0, 100))
            for true, taken, count, share in (figures.mix_ups(*confused) if confused else [])
        ],
        "bytes_by_method": tables.method_bytes_rows(record),
        "bytes_by": [
            (title, tables.bytes_table(record, key))
            for title, key in (("phase", "by_phase"), ("modality", "by_modality"))
        ],
        "bytes_by_block": tables.bytes_table(record, "by_block"),
        "times": tables.time_table(record),
        "skipped_nodes": tables.skipped_rows(record),
        "skipped_files": tables.skipped_files(record),
        "notes": tables.notes(record),
        "config": record.config_text,
        "environment": tables.package_rows(record),
    }


def tiles(record: RunRecord) -> list[tuple[str, str, str]]:
    """The few figures a hurried reader takes away: (what, figure, beside it)."""
    summary, headline = record.summary, record.headline
    if headline not in summary["methods"]:
        return []
    of_headline, title = summary["methods"][headline], figures.method_title(headline or "")
    accuracy, f1 = tables.cell(of_headline["accuracy"], 1, 100), tables.cell(of_headline["macro_f1"], 3)
    seeds = sum(job.result is not None for job in record.of(headline))
    over = "one seed" if seeds == 1 else f"over {seeds} seeds"
    shown = [
        (f"Accuracy, {title}", f"{accuracy.mean} %", f"{accuracy.std} {over}".lstrip()),
        (f"Macro-F1, {title}", f1.mean, f1.std),
    ]
    if summary["pairing_accuracy"] is not None:
        raw = tables.fixed(summary["pairing_raw_cosine"], 1, 100)
        shown.append(
            ("Pairs of one class", f"{tables.fixed(summary['pairing_accuracy'], 1, 100)} %", f"raw cosine {raw} %")
        )
    unit, many = tables.bytes_unit(max(summary["bytes"]["up"], summary["bytes"]["down"]), at_least=1)
    up, down = (tables.fixed(summary["bytes"][way] / many, 0 if many == 1 else 1) for way in ("up", "down"))
    shown.append(("Sent by the nodes", f"{up} {unit}", f"received {down} {unit}"))
    missed = len(summary["nodes"]["skipped"])
    shown.append(
        ("Nodes to the end", str(summary["nodes"]["ok"]), f"{missed} skips in all jobs" if missed else "none skipped")
    )
    return shown


def _shown(value: object) -> object:
    """Every text but the page's own markup: no control characters and no private paths."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return without_private_paths("\n".join(printable(line) for line in value.split("\n")))
    return value
