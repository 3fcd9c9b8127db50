"""CPU-seconds until a fine-tuning reaches an accuracy, on cached latents and from scratch, in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from configs.errors import UserError
from configs.load import check, overridden
from server.report.finish import stored_experiment
from server.report.summary import headline_method
from server.tracking import RunFolder

WAYS = {  # from which run, and how
    "head on cached latents": ("unified", ["--head-only"]),
    "head and adapters on cached latents": ("unified", []),
    "from scratch": ("against", ["--scratch"]),
}
HEAD, SCRATCH = "head on cached latents", "from scratch"


def run(
    unified: Path,
    against: Path,
    overrides: Sequence[str],
    options: Sequence[str],
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Every seed's ways one after another, and the ratios of their CPU-seconds; UserError where the runs do not compare.

    options  of `fedbind tune`, the same for every way
    """
    seeds, data = _comparable(unified, against, overrides)
    folders, found = {"unified": unified, "against": against}, []
    for seed in seeds:
        each = {}
        for way, (of, own) in WAYS.items():
            each[way] = measured(folders[of], overrides, [*own, *options, "--seed", str(seed)])
            told = each[way]
            tell(
                f"seed {seed}, {way}: test {100 * told['test_accuracy']:.1f} %, {told['cpu_seconds']:.1f} CPU-s in "
                f"{len(told['curve'])} epochs, {told['preparing_cpu_seconds']:.1f} before them, peak {told['peak_mib']:.0f} MiB"
            )
        found.append({"seed": seed, "ways": each, **compared(each)})
    return {
        "data": data,
        "seeds": seeds,
        "ratios": {key: _over_seeds([one["ratios"][key] for one in found]) for key in found[0]["ratios"]},
        "by_seed": found,
    }


def measured(folder: Path, overrides: Sequence[str], options: Sequence[str]) -> dict[str, Any]:
    """The figures of one way, in a process of its own, so that peaks of memory do not mix."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "cli.app", "tune", str(folder), *overrides, *options]
        done = subprocess.run(
            [*command, "--test", "--curve", "--json", "--quiet", "--out", str(Path(out) / "tuned")],
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise UserError("fine-tuning failed", where=str(folder), todo=done.stderr.strip()[-600:])
    return json.loads(done.stdout.splitlines()[-1])


def compared(ways: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The accuracy that both ways have at the epoch they kept, or the lower of the two, and what it took to reach it.

    The way from scratch is met at the first epoch that is as good on the test nodes, which is the earliest that anybody
    could have stopped it; so is the head. The head's curve begins with class means alone, before its first epoch.
    """
    head, scratch = ways[HEAD], ways[SCRATCH]
    goal = min(head["test_accuracy"], scratch["test_accuracy"])
    ours, theirs = (_until(each["curve"], goal) for each in (head, scratch))
    both = (ours + head["preparing_cpu_seconds"], theirs + scratch["preparing_cpu_seconds"])
    means_spent, means_accuracy = head["curve"][0]
    until_means = _until(scratch["curve"], min(means_accuracy, scratch["test_accuracy"]))
    return {
        "goal_accuracy": goal,
        "class_means": {"cpu_seconds": means_spent, "accuracy": means_accuracy, "scratch_until_there": until_means},
        "cpu_seconds_to_goal": {HEAD: ours, SCRATCH: theirs},
        "ratios": {
            "cpu_to_the_same_accuracy": theirs / ours,
            "cpu_to_the_same_accuracy_with_latents": both[1] / both[0],
            "cpu_to_what_class_means_give": until_means / means_spent,
            "cpu_per_epoch": _per_epoch(scratch) / _per_epoch(head),
            "cpu_in_all": scratch["cpu_seconds"] / head["cpu_seconds"],
            "peak_memory": scratch["peak_mib"] / head["peak_mib"],
            "test_accuracy_points": 100 * (head["test_accuracy"] - scratch["test_accuracy"]),
        },
    }


def _until(curve: Sequence[Sequence[float]], goal: float) -> float:
    """CPU-seconds at the first epoch that is as good; the kept one is, within rounding."""
    return next(spent for spent, accuracy in curve if accuracy >= goal - 1e-9)


def _per_epoch(told: dict[str, Any]) -> float:
    """Class means, which stand in front of the curve where there are any, are no epoch."""
    began = 0.0 if told["scratch"] else told["curve"][0][0]
    epochs = len(told["curve"]) - (not told["scratch"])
    return (told["cpu_seconds"] - began) / max(epochs, 1)


def _over_seeds(values: Sequence[float]) -> dict[str, float]:
    return {"mean": fmean(values), "std": stdev(values) if len(values) > 1 else 0.0, "least": min(values)}


def _comparable(unified: Path, against: Path, overrides: Sequence[str]) -> tuple[list[int], dict[str, Any]]:
    """The seeds that both have finished, and what the data are."""
    ours, theirs = (check(overridden(stored_experiment(f), overrides), where=str(f)) for f in (unified, against))
    for folder, experiment, encoder in ((unified, ours, "unified"), (against, theirs, "modality")):
        if experiment.models.encoder != encoder:
            raise UserError(
                f"the run has models.encoder = {experiment.models.encoder}",
                where=str(folder),
                expected=f"a run with models.encoder={encoder}",
            )
    if (ours.data.name, ours.split, ours.downstream) != (theirs.data.name, theirs.split, theirs.downstream):
        raise UserError(
            "the two runs are not of the same data, people and sensors",
            where=f"{unified} and {against}",
            expected="runs that differ in models alone",
        )
    seeds = sorted(_finished(unified) & _finished(against))
    if not seeds:
        raise UserError("the two runs have finished no seed in common", where=f"{unified} and {against}")
    return seeds, (RunFolder.open(unified).read_json("summary.json") or {}).get("data", {})


def _finished(folder: Path) -> set[int]:
    """The seeds of which the run's headline method is done; a run may be under way still."""
    jobs = [(method, seed) for method, seed, _ in RunFolder.open(folder).jobs()]
    headline = headline_method({method for method, _ in jobs})
    return {seed for method, seed in jobs if method == headline}
