"""What a study of fusion leaves in its folder, from the results that there are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from configs.fusion_study import FusionStudy
from server.tracking import without_nan, without_private_paths, write_atomically
from simulation.fusion.folds import Fold
from simulation.fusion.material import Material
from simulation.fusion.page import page, picture
from simulation.fusion.table import Line, floor, jobs_csv, lines, summary, table_csv


def job_file(out: Path, method: str, regime: str, seed: int, held_out: str) -> Path:
    """Where a job's result lies."""
    return out / "jobs" / f"{method}-{regime}-seed{seed}-{held_out}.json"


def write(
    study: FusionStudy, material: Material, folds: Sequence[Fold], out: Path, command: str
) -> tuple[list[Line], dict[str, Any]]:
    """jobs.csv, table.csv, summary.json, figure.png and index.html from the results that there are."""
    paths = [job_file(out, method, regime, seed, fold.held_out) for seed in study.seeds for fold in folds
             for method in study.methods for regime in study.regimes]  # fmt: skip
    results = [json.loads(path.read_text()) for path in paths if path.is_file()]
    table, finished = lines(study, results), len(results) == len(paths)
    figures = summary(study, table, results, finished)
    kind = "simulated" if material.simulated else "real recordings"
    hours = sum(each["seconds"] for each in results) / 3600
    note = (f"Data: {study.data.name} ({kind}), {len(material.subjects)} people, {len(material.sequences)} samples. "
            f"Seeds: {', '.join(map(str, study.seeds))}. Heads took {hours:.2f} hours.")  # fmt: skip
    status = "Finished." if finished else f"{len(results)} of {len(paths)} jobs so far."
    png = picture(study, table, f"{note} Bars: one standard deviation over seeds.") if table else None
    skipped = [f"{each.where}: {each.reason}" for each in material.skipped]
    write_atomically(out / "jobs.csv", jobs_csv(results))
    write_atomically(out / "table.csv", table_csv(table))
    write_atomically(out / "summary.json", json.dumps(without_nan(figures), indent=1) + "\n")
    if png:
        write_atomically(out / "figure.png", png)
    html = page(study, table, floor(results), png, status, note, command, [without_private_paths(s) for s in skipped])
    write_atomically(out / "index.html", html)
    return table, figures
