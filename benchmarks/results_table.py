"""The rows of docs/results: methods of finished run folders side by side, per seed paired with the lower bound.

python benchmarks/results_table.py RUN [RUN …]

Reads jobs/*/result.json of every folder; runs of the same experiment in several folders (a method each, say) are taken
together. Prints Markdown: mean ± standard deviation over seeds in per cent, and the mean difference to the lower bound
of the same seeds.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

ORDER = ("lower_bound", "unimodal", "mim", "mpm", "cmg", "dcm", "imagebind", "fedbind", "upper_bound")
FIGURES = ("accuracy", "macro_f1", "accuracy_epochs_81_200")


def jobs_of(folders: list[Path]) -> dict[tuple[str, int], dict]:
    """Results by (method, seed); ValueError where two folders hold the same job."""
    found: dict[tuple[str, int], dict] = {}
    for folder in folders:
        for path in sorted(folder.glob("jobs/*/result.json")):
            result = json.loads(path.read_text())
            key = result["method"], result["seed"]
            if key in found:
                raise ValueError(f"{key[0]}, seed {key[1]} is in two folders")
            found[key] = result
    return found


def spread(values: list[float], scale: float = 100.0) -> str:
    """Mean ± standard deviation (of a sample)."""
    return (
        f"{np.mean(values) * scale:.1f} ± {np.std(values, ddof=1) * scale:.1f}"
        if len(values) > 1
        else f"{values[0] * scale:.1f}"
    )


def rows(jobs: dict[tuple[str, int], dict]) -> list[str]:
    """One Markdown row a method."""
    lines = [
        "| method | seeds | accuracy, chosen epoch | macro-F1 | accuracy, epochs 81–200 | to the lower bound | pairing | "
        "CPU-s a seed |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for method in sorted({name for name, _ in jobs}, key=ORDER.index):
        seeds = sorted(seed for name, seed in jobs if name == method)
        found = [jobs[method, seed] for seed in seeds]
        accuracy, f1, late = ([job[key] for job in found if job[key] is not None] for key in FIGURES)
        paired = [
            jobs[method, s]["accuracy"] - jobs["lower_bound", s]["accuracy"]
            for s in seeds
            if ("lower_bound", s) in jobs
        ]
        pairing = [job["pairing_accuracy"] for job in found if job["pairing_accuracy"] is not None]
        lines.append(
            f"| `{method}` | {len(seeds)} | {spread(accuracy)} | {spread(f1)} | {spread(late) if late else '–'} | "
            f"{'–' if method == 'lower_bound' or not paired else spread(paired)} | {spread(pairing) if pairing else '–'} | "
            f"{np.mean([job['cpu_seconds'] for job in found]):.0f} |"
        )
    return lines


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    print("\n".join(rows(jobs_of([Path(name) for name in sys.argv[1:]]))))
