"""Made-up run folders in the form of real ones; `python tests/server/report/conftest.py FOLDER` writes some to see."""

import json
import math
import random
import sys
from pathlib import Path

import pytest

ACTIONS = (
    "swipe left", "swipe right", "wave", "clap", "throw", "arm cross", "basketball shoot", "draw x",
    "draw circle clockwise", "draw circle counter-clockwise", "draw triangle", "bowling", "boxing", "baseball swing",
    "tennis swing", "arm curl", "tennis serve", "push", "knock", "catch", "pickup and throw", "jog", "walk",
    "sit to stand", "stand to sit", "lunge", "squat",
)  # fmt: skip
PHASES = {"describe": 1, "autoencoder": 10, "embed": 1, "bind": 1, "contrast": 50, "fine-tune": 200, "evaluate": 1}
LEVEL = {"lower_bound": 0.47, "fedbind": 0.823, "upper_bound": 0.874}


def make_run(
    path,
    *,
    methods=("lower_bound", "fedbind", "upper_bound"),
    seeds=(0, 1, 2, 3, 4),
    classes=ACTIONS,
    modalities=("gyroscope", "skeleton"),
    nodes=4,
    simulated=False,
    stop_after=None,
    rounds=None,
    epochs=200,
    skips=True,
    status=None,
    error=None,
):
    """Writes a run folder; after `stop_after` finished jobs one more is left in its contrast phase."""
    rounds = {**PHASES, **(rounds or {}), "fine-tune": epochs}
    jobs = [(method, seed) for method in methods for seed in seeds]
    for number, (method, seed) in enumerate(jobs):
        if stop_after is not None and number > stop_after:
            break
        whole = stop_after is None or number < stop_after
        _make_job(path / "jobs" / f"{method}-seed{seed}", method, seed, classes, modalities, nodes, rounds, skips,
                  simulated, whole)  # fmt: skip
    done = len(jobs) if stop_after is None else stop_after
    config = f"name: made-up\nseeds: {list(seeds)}\nmethods: [{', '.join(methods)}]\ndata:\n  name: made-up-actions\n"
    (path / "config.yaml").write_text(config + "  root: /home/somebody/recordings\n")
    finished = "finished" if stop_after is None else "interrupted"
    _json(path / "progress.json", {"status": status or finished, "jobs_done": done, "jobs": len(jobs), "now": None,
                                   "error": error})  # fmt: skip
    _json(path / "environment.json", {
        "python": "3.11.7", "platform": "Linux 6.1.0 x86_64", "cpu": "Made-up CPU", "cores": 2,
        "memory_bytes": 16_000_000_000, "packages": {"flwr": "1.41.0", "torch": "2.13.0+cpu"},
        "command": "fedbind run configs/made-up.yaml --seeds 5", "started": "2026-11-22T04:00:00+00:00",
    })  # fmt: skip
    return path


def _make_job(folder, method, seed, classes, modalities, nodes, rounds, skips, simulated, whole):
    rng = random.Random(f"{method}{seed}")
    folder.mkdir(parents=True)
    binds = method == "fedbind"
    phases = [p for p in rounds if binds or p in ("describe", "fine-tune", "evaluate")]
    events = [{"event": "plan", "phases": [{"phase": p, "rounds": rounds[p]} for p in phases]}]
    skipped = []
    for phase in phases:
        events.append({"event": "phase", "phase": phase, "status": "start"})
        if phase in ("autoencoder", "contrast"):
            for i in range(1, rounds[phase] + 1):
                if not whole and phase == "contrast" and i > max(1, rounds[phase] // 3):
                    break
                base = 0.05 + (0.9 if phase == "autoencoder" else 4.0) * math.exp(-3 * i / rounds[phase])
                losses = {str(n): base * (1 + 0.12 * n) + rng.gauss(0, base * 0.03) for n in range(nodes)}
                late = nodes > 1 and skips and i % 17 == 0
                if late:
                    skipped.append({"node": 2, "phase": phase, "round": i, "reason": "no reply within 30 s"})
                    losses.pop("2", None)
                    events.append({"event": "skip", **skipped[-1]})
                events.append({
                    "event": "round", "phase": phase, "round": i, "rounds": rounds[phase],
                    "nodes": {"ok": nodes - late, "late": int(late), "skipped": 0},
                    "loss": sum(losses.values()) / max(len(losses), 1), "node_losses": losses,
                    "bytes_up": 420_000 * nodes, "bytes_down": 500_000 * nodes, "seconds": 0.5,
                })  # fmt: skip
            if not whole and phase == "contrast":
                break
        if phase == "fine-tune":
            events += [{"event": "epoch", "phase": phase, "epoch": e, "loss": 3 * math.exp(-e / 30)}
                       for e in range(1, rounds[phase] + 1)]  # fmt: skip
        events.append({"event": "phase", "phase": phase, "status": "end", "seconds": 1.5 * rounds[phase] ** 0.5})
    if binds:
        events.insert(1, {"event": "note", "text": "Sentence encoder: all-MiniLM-L6-v2, from the installed package."})
    with (folder / "metrics.jsonl").open("w") as file:
        for t, event in enumerate(events):
            file.write(json.dumps({"t": t * 0.5, "method": method, "seed": seed, **event}) + "\n")
    level = min(max(LEVEL.get(method, 0.6) + rng.gauss(0, 0.012), 0), 1)
    if binds:
        pairs = _matrix(rng, len(classes), 32, 0.68)
        _json(folder / "pairing.json", {"classes": list(classes), "matrix": pairs,
                                        "accuracy": 0.68, "raw_cosine_accuracy": 0.694})  # fmt: skip
    if not whole:
        return
    confusion = _matrix(rng, len(classes), 8, level)
    subsets = {m: level * (0.7 + 0.1 * i) for i, m in enumerate(modalities)} | {"+".join(modalities): level}
    epochs = list(range(1, rounds["fine-tune"] + 1))
    rise = [level * (1 - math.exp(-e / 14)) for e in epochs]
    up = 60 * 420_000 * nodes if binds else 0
    phase_bytes = {"autoencoder": {"up": up // 10, "down": up // 9}, "embed": {"up": 110_000, "down": 2_000},
                   "contrast": {"up": up - up // 10, "down": up}} if binds else {}  # fmt: skip
    by_modality = {m: {"up": up // (2 + i), "down": up // (2 + i)} for i, m in enumerate(modalities)} if binds else {}
    by_block = {"contrast": {f"encoder.{modalities[0]}": {"up": up // 3, "down": up // 4}}} if binds else {}
    seconds = {p: 1.5 * rounds[p] ** 0.5 for p in phases}
    _json(folder / "result.json", {
        "method": method, "seed": seed, "data": {"name": "made-up-actions", "simulated": simulated},
        "classes": list(classes), "accuracy": level, "macro_f1": level - 0.02, "auc": 0.5 + level / 2,
        "chosen_epoch": max(len(epochs) - 40 - seed * 9, 1),
        "accuracy_epochs_81_200": level - 0.004 if len(epochs) > 80 else None,
        "macro_f1_epochs_81_200": level - 0.03 if len(epochs) > 80 else None, "accuracy_last_epoch": level + 0.003,
        "by_subset": {name: {"accuracy": value, "macro_f1": value - 0.02} for name, value in subsets.items()},
        "confusion": confusion, "pairing_accuracy": 0.68 + 0.004 * seed if binds else None,
        "pairing_raw_cosine": 0.694 if binds else None,
        "bytes": {"up": up, "down": int(up * 1.2), "by_phase": phase_bytes, "by_modality": by_modality,
                  "by_block": by_block},
        "seconds": {"total": sum(seconds.values()), "by_phase": seconds}, "cpu_seconds": sum(seconds.values()) * 1.1,
        "nodes": {"ok": nodes, "skipped": skipped},
        "curve": {"epoch": epochs, "validation_accuracy": [r + rng.gauss(0.01, 0.015) for r in rise],
                  "test_accuracy": [r + rng.gauss(0, 0.012) for r in rise]},
        "labels_used": 8 * len(classes), "test_samples": 8 * len(classes),
        "data_skipped": [{"where": "/home/somebody/recordings/a9_s2_t1_inertial.mat", "reason": "only 3 samples long"}]
        if skips else [],
    })  # fmt: skip


def _matrix(rng, size, per_row, right):
    matrix = [[0] * size for _ in range(size)]
    for i in range(size):
        for _ in range(per_row):
            near = (i + rng.choice((-1, 1, 1, 2, rng.randrange(size)))) % size
            matrix[i][i if rng.random() < right else near] += 1
    return matrix


def _json(path, value):
    path.write_text(json.dumps(value))


TINY = {
    "methods": ("fedbind",),
    "seeds": (7,),
    "classes": ("rest", "move"),
    "nodes": 2,
    "rounds": {"autoencoder": 2, "contrast": 3},
    "epochs": 4,
    "skips": False,
    "simulated": True,
}


@pytest.fixture(name="make_run")
def _make_run():
    return make_run


@pytest.fixture
def tiny_run(tmp_path):
    return make_run(tmp_path / "tiny", **TINY)


if __name__ == "__main__":
    from server.report.page import write_page

    out = Path(sys.argv[1])
    print(write_page(make_run(out / "full")))
    print(write_page(make_run(out / "tiny", **TINY)))
    print(write_page(make_run(out / "partial", stop_after=7, nodes=40)))
    failed = {"status": "failed", "error": "Out of memory on node 3"}
    print(write_page(make_run(out / "begun", stop_after=0, simulated=True, methods=("fedbind",), **failed)))
