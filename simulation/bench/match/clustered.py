"""Approximate matching at scale: made rows in clusters, an index, the queries piece by piece, recall on a sample.

A folder keeps the index and every piece, so that a run that was stopped goes on there.
"""

from __future__ import annotations

import importlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from configs.errors import UserError
from server.binding.approximate import choose_probes, has_faiss, index_of, looked_up, recall_of, samples
from server.binding.screened import nearest_screened
from server.tracking import write_atomically
from simulation.bench.memory import peak_bytes

SPREAD = 0.7  # length of what a row is away from its centre, over the centre's own
ROWS_A_CLUSTER = 1_000


def clustered_rows(count: int, clusters: int, width: int, seed: int) -> np.ndarray:
    """Unit rows, float32 (count, width): a centre, one of `clusters` drawn alike for every seed, and noise in all directions.

    Rows of one cluster have a cosine of 1 / (1 + SPREAD²), 0.67, on average, of different ones about 0.
    """
    centres = np.random.default_rng(clusters).standard_normal((clusters, width), dtype=np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    drawn = np.random.default_rng(seed)
    made = drawn.standard_normal((count, width), dtype=np.float32)
    made *= np.float32(SPREAD / np.sqrt(width))
    made += centres[drawn.integers(clusters, size=count)]
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made


def run_approximate(
    queries: int, candidates: int, width: int, k: int, pieces: int, threads: int, recall: float, out: Path | None,
    tell: Callable[[str], None],
) -> dict[str, Any]:  # fmt: skip
    """Recall on a sample against exact, wall and CPU seconds of making the index, choosing how far it looks, searching.

    out  a folder for the index and what was found; None: nothing is kept

    Raises UserError without faiss, and where the recall would cost too much.
    """
    if not has_faiss():
        raise UserError("faiss is not installed", todo="pip install 'fedbind[match]'")
    threads = threads or len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    asked = {"queries": queries, "candidates": candidates, "width": width, "nearest": k, "pieces": pieces,
             "recall": recall, "threads": threads}  # fmt: skip
    own, theirs = (
        clustered_rows(n, max(1, candidates // ROWS_A_CLUSTER), width, s) for n, s in ((queries, 1), (candidates, 2))
    )
    choose, tells = samples(queries, 0)
    inputs = own.nbytes + theirs.nbytes
    with ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fb-match-")))
        folder.mkdir(parents=True, exist_ok=True)
        index, spent = _kept_index(folder, own[choose], theirs, asked, tell)
        found = np.empty((queries, k), dtype=np.int64)
        searching = [0.0, 0.0]
        edges = np.linspace(0, queries, pieces + 1).astype(int)
        for at in range(pieces):
            rows = slice(edges[at], edges[at + 1])
            found[rows], seconds = _kept_piece(folder / f"piece-{at}.npz", index, own[rows], theirs, k)
            searching = [a + b for a, b in zip(searching, seconds, strict=True)]
            tell(f"{edges[at + 1]:,} of {queries:,}: {seconds[0]:.1f} s (CPU {seconds[1]:.1f})")
    exact, _ = nearest_screened(own[tells], theirs, k)
    recall_found = recall_of(found[tells], exact)
    total = [sum(spent["wall"]) + searching[0], sum(spent["cpu"]) + searching[1]]
    return {
        **asked, "rows": f"SIMULATED: clusters of about {ROWS_A_CLUSTER:,}, mean cosine within {1 / (1 + SPREAD**2):.2f}",
        "lists": index.nlist, "probes": index.nprobe, "sample": len(tells), "recall_on_sample": recall_found,
        "seconds": {"build": spent["wall"][0], "choose": spent["wall"][1], "search": searching[0], "all": total[0]},
        "cpu_seconds": {"build": spent["cpu"][0], "choose": spent["cpu"][1], "search": searching[1], "all": total[1]},
        "ratios": {"approximate_recall": recall_found},
        "input_bytes": inputs, "peak_bytes": peak_bytes() or None,
    }  # fmt: skip


def _kept_index(
    folder: Path, chosen_by: np.ndarray, theirs: np.ndarray, asked: dict[str, Any], tell: Callable[[str], None]
) -> tuple[Any, dict[str, list[float]]]:
    """The index, looking into as many lists as it must, and the seconds of making it and of choosing their number."""
    faiss: Any = importlib.import_module("faiss")
    file, beside = folder / "index.faiss", folder / "index.json"
    if beside.is_file() and (before := json.loads(beside.read_text(encoding="utf-8")))["asked"] == asked:
        index = faiss.read_index(str(file))
        faiss.omp_set_num_threads(asked["threads"])
        index.nprobe = before["probes"]
        return index, before["spent"]
    for stale in folder.glob("piece-*.npz"):
        stale.unlink()
    moments = [(time.perf_counter(), time.process_time())]
    index = index_of(theirs, 0)
    moments.append((time.perf_counter(), time.process_time()))
    tell(f"{index.nlist:,} lists in {moments[1][0] - moments[0][0]:.1f} s")
    reached = choose_probes(index, chosen_by, theirs, asked["nearest"], asked["recall"])
    moments.append((time.perf_counter(), time.process_time()))
    if not reached:
        raise UserError(f"a recall of {asked['recall']:g} would cost more than looking at everything", where="--recall")
    tell(f"{index.nprobe} of them are looked into")
    spent = {
        name: [after[at] - before[at] for before, after in pairwise(moments)] for at, name in enumerate(("wall", "cpu"))
    }
    faiss.write_index(index, str(file))
    write_atomically(beside, json.dumps({"asked": asked, "probes": index.nprobe, "spent": spent}))
    return index, spent


def _kept_piece(file: Path, index: Any, own: np.ndarray, theirs: np.ndarray, k: int) -> tuple[np.ndarray, list[float]]:
    """What is found for some rows, int64 (n, k), and the wall and CPU seconds that it took, now or in an earlier run."""
    if file.is_file():
        with np.load(file) as before:
            return before["index"], before["seconds"].tolist()
    began, used = time.perf_counter(), time.process_time()
    found, _ = looked_up(index, own, theirs, k)
    seconds = [time.perf_counter() - began, time.process_time() - used]
    beside = file.with_suffix(".tmp.npz")
    np.savez(beside, index=found, seconds=seconds)
    os.replace(beside, file)
    return found, seconds
