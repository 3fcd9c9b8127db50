"""Exact nearest neighbours among many candidates: screened in a coarse type, decided in float32.

Of every `CHUNK` candidates in a row the greatest coarse product is kept and nothing else, a few hundred rows at once in
the processor's cache. A product of two rows, each rounded to bfloat16, is wrong by no more than `ERROR` times their
lengths; so whoever is among the k best lies in a chunk whose greatest product is within twice that of the k-th greatest.
These chunks alone, a few in a thousand, are looked at in float32. Nothing is approximate: the screen decides only where
to look.

Where candidates lie so close together that the screen would hold back little (many copies of a few texts), a block is
multiplied out in float32 instead. Memory beyond the inputs: a coarse copy of the candidates (half their size, or none
above `memory_bytes`), the chunks' maxima of one block, and what is looked at again, in pieces.
"""

from __future__ import annotations

import time
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

ROWS = 512  # queries at once
TILE = 4_096  # candidates at once: TILE × ROWS products in bfloat16 are 4 MB
CHUNK = 8  # candidates of which one maximum is kept
GROUP = 64  # chunks that are passed over together where the greatest of them is too small
AGAIN_BYTES = 32 * 2**20  # of candidates looked at again, at once
MOST_AGAIN = 0.1  # share of all products; where more had to be looked at again, all are multiplied out at once
GIVE_UP_AFTER = 4  # blocks in a row that were multiplied out

# |computed − true| ≤ ERROR · |a| · |b|: both factors rounded (2 · 2⁻⁹) and the product (2⁻⁹) for bfloat16, and the sum of
# d terms in float32 in any order (d · 2⁻²⁴, here for d up to 4,096), with a little to spare.
ERROR = {torch.bfloat16: 3.1 * 2**-9, torch.float32: 2**-11}


@lru_cache(maxsize=1)
def screen_type() -> torch.dtype:
    """The quicker of bfloat16 and float32 on this processor, as a moment's trial finds; the result is the same."""

    def seconds(dtype: torch.dtype) -> float:
        one, other = torch.ones(TILE, 128, dtype=dtype), torch.ones(128, ROWS, dtype=dtype)
        torch.mm(one, other)
        began = time.perf_counter()
        for _ in range(3):
            torch.mm(one, other)
        return time.perf_counter() - began

    return torch.bfloat16 if seconds(torch.bfloat16) < 0.8 * seconds(torch.float32) else torch.float32


def nearest_screened(
    queries: np.ndarray,
    candidates: np.ndarray,
    partners: int,
    dtype: torch.dtype | None = None,
    memory_bytes: int = 256 * 2**20,
) -> tuple[np.ndarray, np.ndarray]:
    """As `server.binding.match.nearest`: indices int64 (n, k) and cosines float32 (n, k), best first, earlier first of equals.

    dtype         what is screened in; None: `screen_type`
    memory_bytes  the most that a coarse copy of the candidates may take; above it tiles are converted one at a time
    """
    own, theirs = _tensor(queries), _tensor(candidates)
    n, m, k = len(own), len(theirs), min(partners, len(theirs))
    dtype = screen_type() if dtype is None else dtype
    coarse = theirs.to(dtype) if theirs.numel() * dtype.itemsize <= memory_bytes else None
    longest = float(theirs.norm(dim=1).max())
    index, cosine = np.empty((n, k), dtype=np.int64), np.empty((n, k), dtype=np.float32)
    wasted = 0
    for start in range(0, n, ROWS):
        block = own[start : start + ROWS]
        found = None
        if wasted < GIVE_UP_AFTER and -(-m // CHUNK) > k:
            found = _screened_block(block, theirs, coarse, dtype, k, longest)
            wasted = 0 if found else wasted + 1
        rows = slice(start, start + len(block))
        index[rows], cosine[rows] = found or _multiplied_out(block, theirs, k, memory_bytes)
    return index, cosine


def _tensor(rows: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32))


def _screened_block(
    block: Tensor, theirs: Tensor, coarse: Tensor | None, dtype: torch.dtype, k: int, longest: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """The k best of one block; None where the screen would leave too much."""
    greatest = _chunk_maxima(block.to(dtype), theirs, coarse, dtype)  # (group, GROUP, row)
    of_groups = greatest.amax(dim=1).float()  # (group, row)
    error = ERROR[dtype] * longest * block.norm(dim=1)  # (row,)
    if k <= len(of_groups):  # k groups' maxima are k candidates, so the k-th best is not below the k-th of them
        least = (of_groups.amax(dim=0) if k == 1 else of_groups.topk(k, dim=0).values[-1]) - error
    else:
        least = greatest.flatten(0, 1).float().topk(k, dim=0).values[-1] - error
    row, group = (of_groups >= least - error).T.nonzero(as_tuple=True)  # rows rise, and groups within a row
    at, within = (greatest[group, :, row].float() >= (least - error)[row, None]).nonzero(as_tuple=True)
    row, chunk = row[at], group[at] * GROUP + within
    if len(row) > max(MOST_AGAIN * greatest.numel(), 4 * k * len(block)):
        return None
    columns, values, whose = [], [], []
    pieces = max(1, AGAIN_BYTES // (CHUNK * theirs.shape[1] * theirs.itemsize))
    for rows, chunks in zip(row.split(pieces), chunk.split(pieces), strict=True):
        column = chunks[:, None] * CHUNK + torch.arange(CHUNK)  # (pair, CHUNK)
        here = column < len(theirs)
        product = (theirs[column.clamp(max=len(theirs) - 1)] * block[rows, None]).sum(dim=2)
        keep = here & (product >= least[rows, None])
        columns.append(column[keep])
        values.append(product[keep])
        whose.append(rows[:, None].expand_as(column)[keep])
    return _best(torch.cat(whose).numpy(), torch.cat(columns).numpy(), torch.cat(values).numpy(), len(block), k)


def _chunk_maxima(block: Tensor, theirs: Tensor, coarse: Tensor | None, dtype: torch.dtype) -> Tensor:
    """The greatest coarse product of each row with each chunk, (group, GROUP, row); −∞ beyond the last chunk."""
    chunks = -(-len(theirs) // CHUNK)
    groups = -(-chunks // GROUP)
    maxima = torch.empty(groups * GROUP, len(block), dtype=dtype)
    maxima[chunks:] = float("-inf")
    for start in range(0, len(theirs), TILE):
        tile = theirs[start : start + TILE].to(dtype) if coarse is None else coarse[start : start + TILE]
        product = tile @ block.T  # (tile, row)
        whole = len(tile) // CHUNK * CHUNK
        at = start // CHUNK
        if whole:
            torch.amax(product[:whole].view(-1, CHUNK, len(block)), dim=1, out=maxima[at : at + whole // CHUNK])
        if whole < len(tile):
            maxima[at + whole // CHUNK] = product[whole:].amax(dim=0)
    return maxima.view(groups, GROUP, len(block))


def _best(
    whose: np.ndarray, column: np.ndarray, value: np.ndarray, rows: int, k: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """The k greatest of each row, earlier columns first among equals; None where rounding left a row fewer than k."""
    order = np.lexsort((column, -value, whose))
    first = np.searchsorted(whose[order], np.arange(rows))
    if (np.diff(np.append(first, len(order))) < k).any():
        return None
    at = order[first[:, None] + np.arange(k)]
    return column[at], value[at]


def _multiplied_out(block: Tensor, theirs: Tensor, k: int, memory_bytes: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best of one block by all products in float32, as many rows at once as the memory allows."""
    index, cosine = np.empty((len(block), k), dtype=np.int64), np.empty((len(block), k), dtype=np.float32)
    rows = max(1, memory_bytes // (4 * len(theirs)))
    for start in range(0, len(block), rows):
        product = block[start : start + rows] @ theirs.T  # (row, candidate)
        for rank in range(k):
            best = product.argmax(dim=1, keepdim=True)  # the first of equals
            index[start : start + rows, rank] = best[:, 0]
            cosine[start : start + rows, rank] = product.gather(1, best)[:, 0]
            product.scatter_(1, best, float("-inf"))
    return index, cosine
