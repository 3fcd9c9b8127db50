"""`fedbind bench encoder` from first to last."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from configs.errors import UserError
from server.tracking import environment, without_nan, write_atomically
from simulation.bench.encoder.costs import Costs, costs_of
from simulation.bench.encoder.onnx_forms import Exports, lacking
from simulation.bench.encoder.plots import energy_picture, size_picture, time_picture
from simulation.bench.encoder.ratios import best_against_best, by_form, same_precision
from simulation.bench.encoder.settings import MODALITIES, ONNX_FORMS, PRECISION, EncoderBench
from simulation.bench.encoder.systems import SIDES, system
from simulation.bench.encoder.tables import times_table
from simulation.bench.encoder.timing import PARTS, clock_of, inference, interleaved
from simulation.bench.encoder.torch_forms import in_torch

Tell = Callable[[str], None]
Case = tuple[str, str]  # side, form


def bench_encoder(settings: EncoderBench, tell: Tell, out: Path | None = None) -> dict[str, Any]:
    """Counts, measures, compares; writes costs.json, times.csv and three pictures into `out` and returns the whole."""
    why = lacking() if set(settings.forms) & set(ONNX_FORMS) else ""
    forms = [form for form in settings.forms if not (why and form in ONNX_FORMS)]
    if why:
        tell(f"left out: {', '.join(form for form in settings.forms if form not in forms)}: {why}")
    if not any(PRECISION[form] == "float32" for form in forms):
        raise UserError(
            "no float32 form is left", "--forms", "another beside ONNX Runtime's: eager or channels_last", why
        )
    if out is not None and out.exists() and not out.is_dir():
        raise UserError("this is a file", where=str(out), expected="a folder, or a name that is free")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)  # what is wrong with it is told before anything is measured
    costs: dict[str, dict[int, Costs]] = {side: {} for side in SIDES}
    times: dict[int, dict[int, dict[Case, Any]]] = {threads: {} for threads in settings.all_threads}
    memory: dict[Case, dict[int, tuple[int, int]]] = {}
    with Exports() as exports:
        for threads in settings.all_threads:
            for modalities in range(1, settings.modalities + 1):
                tell(f"{threads} thread(s), {modalities} of {settings.modalities} modalities: preparing")
                with _threads(1):
                    systems = {side: system(side, settings, modalities) for side in SIDES}
                    for side in SIDES:
                        if modalities not in costs[side]:
                            costs[side][modalities] = costs_of(systems[side], settings.windows)
                    ready = {
                        (side, form): exports.ready(systems[side], form, settings.windows, threads)
                        if form in ONNX_FORMS
                        else in_torch(systems[side], form, settings.windows)
                        for side in SIDES
                        for form in forms
                    }
                for case, each in ready.items():
                    memory.setdefault(case, {})[modalities] = each.weight_bytes, each.peak_activation_bytes
                tell(f"  {len(ready)} cases in turn, {settings.repeats} rounds, {settings.limit_s:g} s at most")
                with _threads(threads):
                    times[threads][modalities] = interleaved(
                        {case: inference(each, modalities, threads) for case, each in ready.items()},
                        settings.repeats,
                        limit_s=settings.limit_s,
                    )
    found: dict[str, Any] = {
        "settings": {**asdict(settings), "threads": list(settings.all_threads), "forms": forms},
        "modalities": list(MODALITIES[: settings.modalities]),
        "left_out": why,
        "parts": list(PARTS),
        "clock": {str(threads): clock_of(threads) for threads in settings.all_threads},
        "ratios": same_precision(settings, costs, times, memory),
        "best_against_best": best_against_best(settings, costs, times, memory),
        "by_form": by_form(settings, times),
        "costs": {side: {str(n): {**asdict(c), "macs": c.macs} for n, c in by.items()} for side, by in costs.items()},
        "encoder_bytes": [
            {"side": side, "form": form, "modalities": number, "weights": held, "activations_at_peak": alive}
            for (side, form), by in memory.items()
            for number, (held, alive) in by.items()
        ],
        "times_ms": times_table(times),
        "environment": environment(),
    }
    if out is not None:
        write_atomically(out / "costs.json", json.dumps(without_nan(found), indent=1, allow_nan=False) + "\n")
        write_atomically(out / "times.csv", _as_csv(found["times_ms"]))
        write_atomically(out / "time.png", time_picture(settings, times))
        write_atomically(out / "size.png", size_picture(settings, costs))
        write_atomically(out / "energy.png", energy_picture(settings, costs))
        tell(f"written into {out}: costs.json, times.csv, time.png, size.png, energy.png")
    return found


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """So many threads for torch meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _as_csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
