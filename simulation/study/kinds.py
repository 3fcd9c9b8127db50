"""A study of whichever kind, run to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from configs.fusion_study import FusionStudy
from configs.study import Study, cells
from simulation.fusion.run import FusionOutcome, run_fusion
from simulation.study.run import Outcome, Run, Tell, run_study


def run_of_kind(
    study: Study | FusionStudy, name: str, overrides: Sequence[str], out: Path, tell: Tell, run: Run | None = None
) -> Outcome | FusionOutcome:
    """Runs the study; `run`, if given, is what runs a cell of a grid. Raises UserError."""
    if isinstance(study, FusionStudy):
        people = "everybody" if study.folds is None else ", ".join(study.folds)
        tell(f"{study.title}: leaving out {people} in turn, in {out}")
        return run_fusion(study, name, overrides, out, tell)
    jobs = sum(len(cell.experiment.methods) * len(cell.experiment.seeds) for cell in cells(study, overrides))
    tell(f"{study.title}: {jobs} jobs in {out}")
    return run_study(study, name, overrides, out, tell, run)


def as_object(study: Study | FusionStudy, outcome: Outcome | FusionOutcome) -> dict[str, Any]:
    """The outcome as one JSON object; figures are shares from 0 to 1."""
    if isinstance(outcome, FusionOutcome):
        return outcome.figures
    assert isinstance(study, Study)
    table = [asdict(line) for line in outcome.table]
    return {"study": study.name, "measure": study.measure, "columns": study.columns, "table": table,
            "failed": outcome.failed}  # fmt: skip
