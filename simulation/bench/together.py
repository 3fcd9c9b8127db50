"""All benches one after another, each in processes of its own: one table of ratios beside their aims, one JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.errors import UserError
from server.tracking import environment, without_nan, write_atomically
from simulation.bench.apart import ROOT

AIMS = {  # the most that a ratio should be
    "ray_wall_over_plain": 0.6, "ray_cpu_over_plain": 1.15, "ray_cpu_over_flower_ray": 0.2, "ray_wall_over_pfl": 1.0,
    "batched_cpu_over_plain": 0.5, "start_over_flower_ray": 1 / 3, "per_node_1000_over_100": 1.2, "match_over_faiss": 0.6,
    "match_over_matmul": 1.3, "bytes_to_target_over_full_float32": 0.1,
}  # fmt: skip
PREFIXES = {"encoder": "encoder_", "rounds_encoder": "own_encoder_"}  # of ratios that another bench names alike
BYTES = {"extra_bytes": 512 * 2**20, "driver_peak_bytes": 1_500_000_000}


@dataclass(frozen=True)
class Part:
    """One bench: its command after `fedbind bench`, and the same with reduced sizes. {out} stands for the folder."""

    command: tuple[str, ...]
    quick: tuple[str, ...]


PARTS: dict[str, Part] = {
    "rounds": Part(
        ("rounds", "--model", "mlp"),
        ("rounds", "--model", "mlp", "--nodes", "4", "--rounds", "2", "--warm-up", "1", "--turns", "1", "--workers", "2"),
    ),
    "rounds_encoder": Part(
        ("rounds", "--model", "encoder", "--rounds", "3", "--warm-up", "1"),
        ("rounds", "--model", "encoder", "--nodes", "2", "--rounds", "1", "--warm-up", "0", "--turns", "1",
         "--system", "plain", "--system", "local"),
    ),
    "match": Part(("match",), ("match", "--queries", "2000", "--candidates", "9000", "--slices", "2", "--threads", "1")),
    "match_approximate": Part(
        ("match", "--approximate", "--queries", "1000000", "--candidates", "1000000", "--slices", "20", "--out", "{out}/match"),
        ("match", "--approximate", "--queries", "4000", "--candidates", "20000", "--width", "16", "--recall", "0.9"),
    ),
    "scale": Part(
        ("scale", "--out", "{out}/scale"), ("scale", "--nodes", "4", "--nodes", "8", "--rounds", "1", "--engine", "local")
    ),
    "wire": Part(
        ("wire", "--out", "{out}/wire"),
        ("wire", "rounds={autoencoder: 1, contrast: 2, finetune: 1}", "epochs.finetune=2", "--setting", "full_float32",
         "--setting", "int8", "--out", "{out}/wire"),
    ),
    "pictures": Part(("pictures",), ("pictures", "--repeats", "3")),
    "aggregate": Part(
        ("aggregate",),
        ("aggregate", "--parameters", "10000", "--nodes", "10", "--robust-parameters", "1000", "--robust-nodes", "7"),
    ),
    "encoder": Part(
        ("encoder",), ("encoder", "--modalities", "1", "--threads", "1", "--repeats", "3", "--limit", "1", "--forms", "eager")
    ),
}  # fmt: skip


def run(
    wanted: Collection[str],
    there: Collection[str],
    quick: bool,
    further: Mapping[str, Sequence[str]],
    out: Path,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Every bench's figures, all ratios under their names, and the bytes; also written to `out`/bench.json.

    wanted   names in PARTS; none: all
    there    the commands that `fedbind bench` has; a bench of another command is left out, and said
    further  words that a bench's command has after its own: where data and other environments lie
    out      keeps what each bench said: the same command goes on where it stopped

    A bench that fails is named under `failed`, and the others go on. Raises UserError for a name that is none.
    """
    if unknown := [name for name in wanted if name not in PARTS]:
        raise UserError(f"unknown bench {unknown[0]!r}", expected=", ".join(PARTS))
    out.mkdir(parents=True, exist_ok=True)  # what is wrong with it is told before an hour has passed
    found: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    for name, part in PARTS.items():
        command = [word.replace("{out}", str(out)) for word in (part.quick if quick else part.command)]
        if name not in (wanted or PARTS) or command[0] not in there:
            tell(f"{name}: left out")
            continue
        command += further.get(name, ())
        tell(f"{name}: fedbind bench {' '.join(command)}")
        kept = out / f"{name}.json"
        before = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
        if before.get("command") == command:
            found[name] = before["told"]
            continue
        told = _one(command)
        if isinstance(told, str):
            failed[name] = told
        else:
            found[name] = told
            write_atomically(kept, json.dumps({"command": command, "told": told}))
    together: dict[str, Any] = without_nan(
        {**gathered(found), "quick": quick, "failed": failed, "environment": environment(), "benches": found}
    )
    write_atomically(out / "bench.json", json.dumps(together, indent=1, allow_nan=False) + "\n")
    return together


def gathered(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """All ratios under their names, those that have an aim first (None where not measured), and the bytes with an aim."""
    ratios: dict[str, float | None] = dict.fromkeys(AIMS)
    for bench, told in found.items():
        for name, value in told["ratios"].items():
            if isinstance(value, int | float):
                ratios[PREFIXES.get(bench, "") + name] = float(value)
    match, scale = found.get("match", {}), found.get("scale", {})
    return {
        "ratios": ratios, "extra_bytes": match.get("extra_bytes"), "driver_peak_bytes": scale.get("driver_peak_bytes"),
    }  # fmt: skip


def table(together: Mapping[str, Any]) -> str:
    """A line for each ratio and number of bytes: what was measured, the aim, and whether it was met."""
    rows = [("", "measured", "at most", "")]
    for name, value in together["ratios"].items():
        aim = AIMS.get(name)
        met = "" if value is None or aim is None else "met" if value <= aim else "MISSED"
        measured = "not measured" if value is None else f"{value:.3f}"
        rows.append((name, measured, "" if aim is None else f"{aim:.3g}", met))
    for name, most in BYTES.items():
        value = together[name]
        met = "" if value is None else "met" if value < most else "MISSED"
        rows.append((name, "not measured" if value is None else f"{value / 1e6:,.0f} MB", f"{most / 1e6:,.0f} MB", met))
    widths = [max(len(row[at]) for row in rows) for at in range(4)]
    return "\n".join(
        "  ".join(f"{word:<{width}}" for word, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _one(command: list[str]) -> dict[str, Any] | str:
    """The JSON object that a bench ends with, or why there is none; what it says meanwhile goes through."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    ended = subprocess.run(
        [sys.executable, "-m", "cli.app", "bench", *command, "--json"], stdout=subprocess.PIPE, text=True, check=False,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    lines = ended.stdout.strip().splitlines()
    if ended.returncode or not lines:
        return f"ended with code {ended.returncode}"
    told: dict[str, Any] = json.loads(lines[-1])
    return told
