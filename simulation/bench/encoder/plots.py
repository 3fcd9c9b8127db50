"""Costs against the number of modalities, drawn."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from simulation.bench.encoder.costs import Costs
from simulation.bench.encoder.ratios import Times, fastest
from simulation.bench.encoder.settings import EncoderBench
from simulation.bench.encoder.systems import SIDES
from simulation.bench.encoder.timing import PARTS
from simulation.study.picture import COLOURS, as_png, new_figure

NAMES = {"unified": "one encoder for all", "bev_fusion": "one encoder each"}
PART_COLOURS = ("#e69f00", "#0072b2", "#6b6b6b")


def time_picture(settings: EncoderBench, times: Times) -> bytes:
    """PNG: time of one inference, its parts one above the other, with the quartiles of the whole; float32."""
    threads = settings.all_threads[0]
    figure = new_figure(9.0)
    axes = figure.add_subplot()
    for place, side in enumerate(SIDES):
        for modalities in range(1, settings.modalities + 1):
            cases = times[threads][modalities]
            taken = cases[side, fastest(cases, side, "float32")]
            at, below = modalities + (place - 0.5) * 0.4, 0.0
            for part, colour in enumerate(PART_COLOURS):
                height = float(np.median(taken[:, part]))
                label = f"{PARTS[part]}, {NAMES[side]}" if modalities == 1 else None
                axes.bar(at, height, 0.36, below, color=colour, alpha=1.0 if place == 0 else 0.5, label=label)
                below += height
            low, high = np.quantile(taken[:, PARTS.index("end_to_end")], (0.25, 0.75))
            axes.vlines(at, low, high, color="black", linewidth=1)
    axes.set(xlabel="modalities", ylabel="milliseconds per inference", xticks=range(1, settings.modalities + 1))
    return as_png(
        figure,
        f"Time of one inference, {threads} thread(s), float32",
        f"medians of up to {settings.repeats} interleaved rounds, lines: quartiles of the whole; each side in its fastest "
        f"float32 form; baseline {settings.baseline}",
    )


def size_picture(settings: EncoderBench, costs: Mapping[str, Mapping[int, Costs]]) -> bytes:
    """PNG: parameters, multiply-adds and peak memory of the encoders."""
    return _lines(
        settings,
        costs,
        (
            ("parameters, millions", lambda each: each.encoder_parameters / 1e6),
            ("multiply-adds, millions", lambda each: each.encoder_macs / 1e6),
            ("memory at peak, MB", lambda each: each.peak_memory_bytes / 1e6),
        ),
        "Size and work of the encoders",
        f"float32; counted, not timed; baseline {settings.baseline}",
    )


def energy_picture(settings: EncoderBench, costs: Mapping[str, Mapping[int, Costs]]) -> bytes:
    """PNG: the estimate of energy, by precision."""
    return _lines(
        settings,
        costs,
        tuple(
            (f"{name}, mJ", lambda each, name=name: each.energy_uj[name]["total"] / 1e3)  # type: ignore[misc]
            for name in ("float32", "bfloat16", "int8")
        ),
        "ESTIMATED energy of one inference",
        "from energies per operation and byte at 45 nm (Horowitz, ISSCC 2014), not measured",
    )


def _lines(
    settings: EncoderBench,
    costs: Mapping[str, Mapping[int, Costs]],
    panels: Sequence[tuple[str, Callable[[Costs], float]]],
    title: str,
    note: str,
) -> bytes:
    figure = new_figure(11.0)
    at = range(1, settings.modalities + 1)
    for place, (name, value) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), place + 1)
        for side, colour in zip(SIDES, COLOURS, strict=False):
            label = NAMES[side] if place == 0 else None
            axes.plot(at, [value(costs[side][n]) for n in at], marker="o", color=colour, label=label)
        axes.set(xlabel="modalities", title=name, yscale="log", xticks=at)
        axes.grid(axis="y", color="#e3e8ee")
    return as_png(figure, title, note)
