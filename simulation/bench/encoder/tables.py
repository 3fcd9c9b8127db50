"""The bench as rows, and as a few lines for a screen."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from simulation.bench.encoder.ratios import Times
from simulation.bench.encoder.settings import PRECISION
from simulation.bench.encoder.timing import PARTS, clock_of


def times_table(times: Times) -> list[dict[str, Any]]:
    """A row per threads, modalities, side, form and part: median and quartiles by the clock named, milliseconds."""
    rows = []
    for threads, by_number in times.items():
        for modalities, cases in by_number.items():
            for (side, form), taken in cases.items():
                for place, part in enumerate(PARTS):
                    low, middle, high = np.quantile(taken[:, place], (0.25, 0.5, 0.75))
                    rows.append(
                        {
                            "threads": threads,
                            "modalities": modalities,
                            "side": side,
                            "form": form,
                            "precision": PRECISION[form],
                            "part": part,
                            "clock": clock_of(threads),
                            "median_ms": round(float(middle), 4),
                            "quartile_low_ms": round(float(low), 4),
                            "quartile_high_ms": round(float(high), 4),
                            "wall_median_ms": round(float(np.median(taken[:, len(PARTS) + place])), 4),
                            "repeats": len(taken),
                        }
                    )
    return rows


def headlines(found: Mapping[str, Any]) -> list[str]:
    """What a reader wants first."""
    settings, same, best = found["settings"], found["ratios"], found["best_against_best"]
    most = same["modalities"]
    ours, baseline = (found["costs"][side] for side in ("unified", "bev_fusion"))
    one = baseline["1"]
    lines = [
        f"{most} modalities: one {settings['encoder']} encoder for all, against {most} of {settings['baseline']}; "
        f"both with the same head of {ours[str(most)]['head_parameters']:,} parameters",
        f"multiply-adds of the encoders: {baseline[str(most)]['encoder_macs'] / 1e6:,.0f} against "
        f"{ours[str(most)]['encoder_macs'] / 1e6:,.0f} million, {same['macs']:.1f} times; with picture and head "
        f"{same['macs_end_to_end']:.1f} times",
        f"parameters of one baseline encoder against ours for all: {one['encoder_parameters']:,} against "
        f"{ours[str(most)]['encoder_parameters']:,}, {100 * (1 - 1 / same['parameters_one_encoder']):.1f} % fewer",
        f"weights and activations at peak, one baseline encoder over ours for all: {same['peak_memory_one_encoder']:.1f}",
    ]
    for title, compared in (("same precision", same), ("best against best", best)):
        spread, ms = compared["spread"]["end_to_end"], compared["median_ms"]
        form = compared["form"]
        lines.append(
            f"{title}, {compared['threads']} thread(s), {compared['clock']} clock: end to end "
            f"{ms['bev_fusion']['end_to_end']:.1f} ms ({form['bev_fusion']}) against "
            f"{ms['unified']['end_to_end']:.1f} ms ({form['unified']}), "
            f"{compared['latency_end_to_end']:.1f} times ({spread['quartile_low']:.1f} to {spread['quartile_high']:.1f}); "
            f"encoder {compared['latency_encoder']:.1f} times; picture {100 * compared['picture_over_encoder']:.0f} % "
            f"of the encoder's time"
        )
    energy = [side[str(most)]["energy_uj"]["float32"]["total"] for side in (baseline, ours)]
    lines.append(
        f"ESTIMATED energy of one inference (45 nm, float32): {energy[0] / 1e3:.1f} against {energy[1] / 1e3:.1f} mJ"
    )
    if found["left_out"]:
        lines.append(f"ONNX Runtime was left out: {found['left_out']}")
    return lines
