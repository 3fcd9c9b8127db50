"""Nearest neighbours among very many candidates by an inverted file: near candidates lie in near lists, a few are looked into.

faiss's IVF-flat index: k-means cuts the candidates into about 4·√m lists, and a query looks through the `probes` lists whose
centres are nearest, in float32. How many lists that must be is measured, not guessed: on a sample of queries, whose exact
neighbours are known, the number is doubled until the recall wanted is reached with something to spare. What is then told
is measured on a second sample, which chose nothing. Beyond the inputs the index holds a copy of the candidates.

faiss is no part of what fedbind needs (pip install 'fedbind[match]'); without it nobody asks this.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from server.binding.screened import nearest_screened

SAMPLE = 1_000  # queries that choose the number of lists, and as many that tell the recall
SPARE = 0.5  # of what may be missed, the share that the first sample must leave to the second
MOST_PROBED = 0.125  # share of all lists; where more are wanted, looking at everything is quicker
TRAINED_ON = 64  # rows a list that k-means sees


@dataclass(frozen=True)
class Searched:
    """What an index found, and how well.

    index   int64 (n, k), and cosine float32 (n, k): best first
    recall  share of the exact neighbours of `sample` queries that were found
    """

    index: np.ndarray
    cosine: np.ndarray
    recall: float
    sample: int
    lists: int
    probes: int


def has_faiss() -> bool:
    """Whether faiss can be imported."""
    return importlib.util.find_spec("faiss") is not None


def nearest_approximate(
    queries: np.ndarray, candidates: np.ndarray, partners: int, recall: float, seed: int = 0
) -> Searched | None:
    """As `server.binding.match.nearest`, but some neighbours may be missed; None where `recall` would cost too many lists.

    queries     (n, d) unit rows, candidates (m, d) unit rows
    recall      share of the neighbours that must be found, on a sample

    Raises ImportError without faiss.
    """
    own, theirs = (np.ascontiguousarray(rows, dtype=np.float32) for rows in (queries, candidates))
    k = min(partners, len(theirs))
    chosen_by, told_by = samples(len(own), seed)
    index = index_of(theirs, seed)
    if not choose_probes(index, own[chosen_by], theirs, k, recall):
        return None
    found, cosine = looked_up(index, own, theirs, k)
    exact, _ = nearest_screened(own[told_by], theirs, k)
    told = recall_of(found[told_by], exact)
    return Searched(found, cosine, told, len(told_by), index.nlist, index.nprobe)


def samples(queries: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows that choose how far is looked, and others that tell the recall; the same ones where there are too few."""
    drawn = np.random.default_rng(seed).permutation(queries)
    choose, tell = drawn[:SAMPLE], drawn[SAMPLE : 2 * SAMPLE]
    return choose, tell if len(tell) else choose


def recall_of(found: np.ndarray, exact: np.ndarray) -> float:
    """The share of the exact neighbours, (n, k) indices, that are among those found, (n, k)."""
    return float((found[:, :, None] == exact[:, None, :]).any(axis=1).mean())


def index_of(theirs: np.ndarray, seed: int) -> Any:
    """A faiss index over rows float32 (m, d), made and asked by as many threads as torch has here."""
    faiss: Any = importlib.import_module("faiss")
    faiss.omp_set_num_threads(torch.get_num_threads())
    lists = max(1, min(len(theirs), round(4 * math.sqrt(len(theirs)))))
    flat = faiss.IndexFlatIP(theirs.shape[1])
    index = faiss.IndexIVFFlat(flat, theirs.shape[1], lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.seed, index.cp.spherical = 10, 1 + seed % 2**30, True
    index.cp.max_points_per_centroid, index.cp.min_points_per_centroid = TRAINED_ON, 1
    index.train(theirs)
    index.add(theirs)
    return index


def choose_probes(index: Any, own: np.ndarray, theirs: np.ndarray, k: int, recall: float) -> bool:
    """Sets how many lists the index looks into, so that these rows find their neighbours; False where too many would be."""
    exact, _ = nearest_screened(own, theirs, k)
    wanted, index.nprobe = 1.0 - SPARE * (1.0 - recall), 1
    while recall_of(index.search(own, k)[1], exact) < wanted:
        if 2 * index.nprobe > max(1.0, MOST_PROBED * index.nlist):
            return False
        index.nprobe *= 2
    return True


def looked_up(index: Any, own: np.ndarray, theirs: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """What the index finds for rows float32 (n, d): indices int64 (n, k), cosines float32 (n, k), best first."""
    cosine, found = index.search(own, k)
    if len(few := np.flatnonzero((found < 0).any(axis=1))):  # fewer than k in the lists looked into
        found[few], cosine[few] = nearest_screened(own[few], theirs, k)
    order = np.lexsort((found, -cosine), axis=1)  # of equals the earlier candidate first
    return np.take_along_axis(found, order, axis=1), np.take_along_axis(cosine, order, axis=1)
