"""The three in turn on one slice of the queries after another: what else the machine does meets all alike."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from server.binding.screened import ROWS, TILE, nearest_screened, screen_type
from simulation.bench.memory import extra_bytes

CLOSE = 1e-5  # cosines of the same pair, added up in another order
Found = tuple[np.ndarray, np.ndarray]  # indices (n, k), cosines (n, k)


def run(
    queries: int, candidates: int, width: int, k: int, slices: int, threads: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Times by slice and in all, ratios of medians, bytes beyond the inputs, and how well the results agree.

    Ratios over faiss are None where faiss cannot be imported.
    """
    threads = threads or len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    own, theirs = rows(queries, width, 1), rows(candidates, width, 2)
    dtype = screen_type()
    tell(f"{queries:,} × {candidates:,} at {width}, the {k} nearest, {threads} threads, screened in {dtype}")
    parts = np.array_split(own, min(slices, queries))
    sample = parts[0][: max(1, ROWS // 4)]
    _, extra = extra_bytes(lambda: nearest_screened(parts[0], theirs, k))  # also the warm-up
    cases: dict[str, Callable[[np.ndarray], Any]] = {
        "match": lambda part: nearest_screened(part, theirs, k),
        "matmul": products(theirs, dtype),
    }
    if (flat := faiss_flat(theirs, k, threads)) is not None:
        cases["faiss"] = flat
    else:
        tell("faiss is not installed: pip install 'fedbind[bench]'")
    for case in cases.values():
        case(sample)
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    agree, furthest = [], 0.0
    for number, part in enumerate(parts):
        names = list(cases)
        found: dict[str, Any] = {}
        for name in (*names[number % len(names) :], *names[: number % len(names)]):
            began = time.perf_counter()
            found[name] = cases[name](part)
            seconds[name].append((time.perf_counter() - began) / len(part))
        told = ", ".join(f"{name} {1e6 * seconds[name][-1]:.1f}" for name in names)
        tell(f"slice {number + 1} of {len(parts)}: µs a query: {told}")
        if "faiss" in found:
            agree.append(float((found["match"][0] == found["faiss"][0]).mean()))
            furthest = max(furthest, float(np.abs(found["match"][1] - found["faiss"][1]).max()))
    middle = {name: statistics.median(each) for name, each in seconds.items()}
    return {
        "queries": queries, "candidates": candidates, "width": width, "nearest": k, "threads": threads,
        "screened_in": str(dtype).removeprefix("torch."),
        "ratios": {
            "match_over_faiss": middle["match"] / middle["faiss"] if "faiss" in middle else None,
            "match_over_matmul": middle["match"] / middle["matmul"],
        },
        "extra_bytes": extra,
        "seconds": {name: each * queries for name, each in middle.items()},
        "seconds_a_query": {
            name: {"median": middle[name], "least": min(each), "most": max(each), "slices": len(each)}
            for name, each in seconds.items()
        },
        "agreement": {"same_index": min(agree, default=None), "furthest_cosine": furthest, "close": furthest <= CLOSE}
        if agree else None,
        "python": platform.python_version(), "torch": torch.__version__,
    }  # fmt: skip


def rows(count: int, width: int, seed: int) -> np.ndarray:
    """Unit rows in directions drawn evenly, float32 (count, width)."""
    made = np.random.default_rng(seed).standard_normal((count, width), dtype=np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made


def products(theirs: np.ndarray, dtype: torch.dtype) -> Callable[[np.ndarray], None]:
    """The matrix products that screening makes, in its type and its tiles, and nothing else."""
    coarse = torch.from_numpy(theirs).to(dtype)
    out = torch.empty(TILE, ROWS, dtype=dtype)

    def multiply(part: np.ndarray) -> None:
        for block in torch.from_numpy(part).split(ROWS):
            narrow = block.to(dtype).T
            for tile in coarse.split(TILE):
                torch.mm(tile, narrow, out=out[: len(tile), : narrow.shape[1]] if narrow.shape[1] == ROWS else None)

    return multiply


def faiss_flat(theirs: np.ndarray, k: int, threads: int) -> Callable[[np.ndarray], Found] | None:
    """faiss's exact index by inner product; None where faiss is not installed."""
    if importlib.util.find_spec("faiss") is None:
        return None
    faiss: Any = importlib.import_module("faiss")
    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatIP(theirs.shape[1])
    index.add(theirs)

    def search(part: np.ndarray) -> Found:
        cosine, at = index.search(part, k)
        return at, cosine

    return search
