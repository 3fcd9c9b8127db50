"""What a machine has for running fedbind, and what it lacks."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from importlib.resources import files

from client.sentence import PACKAGED
from server.tracking import environment

_PINNED = {"flwr": "1.41.0", "torch": "2.13.0"}
_NEEDED = (
    "numpy",
    "scipy",
    "scikit-learn",
    "pydantic",
    "safetensors",
    "jinja2",
    "ray",
    "sentence-transformers",
)
_GIB = 2**30


def examine() -> list[tuple[str, str, str]]:
    """(what, value, fault or empty) for versions, cores, memory, disk and what runs beside."""
    told = environment()
    memory, cores = told["memory_bytes"] or 0, told["cores"] or 0
    free = shutil.disk_usage(os.getcwd()).free
    rows = [
        ("python", told["python"], "" if sys.version_info[:2] == (3, 11) else "needs 3.11"),
        ("platform", told["platform"], ""),
        ("cpu", str(told["cpu"]), ""),
        ("cores", str(cores), "" if cores >= 1 else "unknown"),
        ("memory", f"{memory / _GIB:.1f} GiB", "" if memory >= 2 * _GIB else "less than 2 GiB"),
        ("disk here", f"{free / _GIB:.1f} GiB free", "" if free >= _GIB else "less than 1 GiB free"),
    ]
    for name in (*_PINNED, *_NEEDED, PACKAGED):
        rows.append(_package(name))
    for program in ("flwr", "flower-superlink", "flower-supernode"):
        beside = os.path.join(os.path.dirname(sys.executable), program)
        found = shutil.which(program) or (beside if os.path.exists(beside) else None)
        rows.append((program, "found" if found else "missing", "" if found else "install fedbind with pip"))
    import torch

    rows.append(("torch threads", str(torch.get_num_threads()), ""))
    rows.append(("gpu", torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none (none is needed)", ""))
    shipped = sorted(f.name for f in files("configs").iterdir() if f.name.endswith(".yaml"))
    rows.append(("configurations", ", ".join(shipped), "" if shipped else "none found"))
    return rows


def _package(name: str) -> tuple[str, str, str]:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return name, "missing", "install fedbind with pip"
    wanted = _PINNED.get(name)
    return name, version, "" if wanted in (None, version.partition("+")[0]) else f"pinned to {wanted}"
