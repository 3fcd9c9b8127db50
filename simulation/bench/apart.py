"""A part of a bench in processes of its own, which are ended with all that they started."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from configs.errors import UserError
from simulation import processes
from simulation.superlink import tail

ROOT = Path(__file__).resolve().parents[2]


def figures_of(command: Sequence[str], out: Path, what: str, within_s: float) -> dict[str, Any]:
    """The figures that a command leaves in the JSON file `out`; one thread for every process unless it asks for more.

    Raises UserError where there are none, with the last lines of what it said.
    """
    log = out.with_suffix(".log")
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {
        **os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
        "RAY_USAGE_STATS_ENABLED": "0", "FLWR_TELEMETRY_ENABLED": "0", "RAY_IGNORE_UNHANDLED_ERRORS": "1",
    }  # fmt: skip
    process = processes.start(command, cwd=ROOT, environment=environment, log=log)
    try:
        process.wait(within_s)
    finally:
        processes.end([process])
    if not out.is_file():
        raise UserError(f"{what} ended without figures", todo="its last lines are:\n" + tail(log))
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found
