"""Opaque handles: names for samples that tell neither order nor time."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np


def sample_handles(key: bytes, count: int) -> np.ndarray:
    """One 63-bit handle per sample, int64 (count,), from a key that stays on the node.

    HMAC-SHA256 of the sample's place under the node's key, cut to 63 bits: without the key a handle says nothing of
    the place, and handles of one run cannot be joined with those of another. Two samples collide with probability
    count² / 2⁶⁴; a collision inside a node is resolved by hashing again.
    """
    handles, used = np.empty(count, dtype=np.int64), set()
    for index in range(count):
        attempt = 0
        while True:
            digest = hmac.new(key, f"{index}:{attempt}".encode(), hashlib.sha256).digest()
            handle = int.from_bytes(digest[:8], "big") >> 1
            if handle not in used:
                break
            attempt += 1
        used.add(handle)
        handles[index] = handle
    return handles
