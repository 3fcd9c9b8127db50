"""One system in a process of its own: `python -m simulation.bench.rounds.child JSON`, which names the file for the figures."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from simulation.bench.rounds.asked import Asked
from simulation.bench.rounds.systems.registry import run_system


def main(text: str) -> None:
    """Runs the system that the JSON names; figures go to `out`.json, weights to `out`.npz."""
    told = json.loads(text)
    torch.set_num_threads(1)
    found = run_system(told["system"], Asked(**{each.name: told[each.name] for each in fields(Asked)}))
    out = Path(told["out"])
    if found is not None:
        np.savez(out.with_suffix(".npz"), **found[0])  # type: ignore[arg-type]
    out.with_suffix(".json").write_text(json.dumps(None if found is None else found[1]), encoding="utf-8")
    sys.stdout.flush()
    os._exit(0)  # what a simulation leaves running is ended by whoever started this


if __name__ == "__main__":
    main(sys.argv[1])
