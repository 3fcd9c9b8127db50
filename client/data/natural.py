"""Naturally paired samples among incomplete ones: some of a node's samples keep sensors that its group does not list.

With a share of 0 nobody holds a natural pair, as in MMBind's main setting; with 1 everybody holds nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from client.data.samples import SampleSet


def keep_natural(samples: SampleSet, listed: Sequence[str], share: float, rng: np.random.Generator) -> SampleSet:
    """The samples that hold a listed modality; of them round(share · n), drawn at random, keep the others too.

    The rest lose what is not listed: zeros, not present. A modality that no sample has left is not held at all. With the
    same generator a larger share keeps the samples of a smaller one and more.
    """
    here = np.any([samples.present[modality] for modality in listed], axis=0)
    kept = samples.take(here)
    natural = np.zeros(len(kept), dtype=bool)
    natural[rng.permutation(len(kept))[: round(share * len(kept))]] = True
    arrays, present = dict(kept.arrays), dict(kept.present)
    for modality in set(kept.modalities) - set(listed):
        present[modality] = present[modality] & natural
        arrays[modality] = np.where(present[modality][:, None, None], arrays[modality], np.float32(0))
    held = [modality for modality in kept.modalities if modality in listed or present[modality].any()]
    return replace(kept, arrays=arrays, present=present).only(held)
