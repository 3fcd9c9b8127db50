"""What a pair counts in the contrastive loss, by its similarity (MMBind section 4.2)."""

from __future__ import annotations

import numpy as np

RULES = ("normalized", "cosine", "log", "softmax", "none")
SOFTMAX_TEMPERATURE = 0.05
EQUAL = 1e-3  # cosines no further apart differ by rounding: those of one text with itself do


def pair_weights(cosine: np.ndarray, rule: str) -> np.ndarray:
    """Weights float32 of pairs from their cosines, (n,), or (n, k) for k partners of each sample; same shape back.

    normalized  the paper's: similarity scaled to [0, 1] over all pairs, (s − min)/(max − min); all 1 where all
                lie within `EQUAL` of each other
    cosine      the similarity itself, none below 0
    log         1 + ½·ln(s), none below 0, as one rule of the paper's public code
    softmax     a sample's partners share the weight 1, by softmax of s/0.05; a single partner has it all
    none        1
    Raises ValueError for another rule.
    """
    similarity = np.asarray(cosine, dtype=np.float64)
    if rule == "normalized":
        low, high = similarity.min(initial=np.inf), similarity.max(initial=-np.inf)
        weights = (similarity - low) / (high - low) if high - low > EQUAL else np.ones_like(similarity)
    elif rule == "cosine":
        weights = np.clip(similarity, 0.0, None)
    elif rule == "log":
        weights = np.clip(1.0 + 0.5 * np.log(np.clip(similarity, 1e-12, None)), 0.0, None)
    elif rule == "softmax":
        rows = similarity if similarity.ndim == 2 else similarity[:, None]
        scaled = np.exp((rows - rows.max(axis=1, keepdims=True, initial=-np.inf)) / SOFTMAX_TEMPERATURE)
        weights = (scaled / scaled.sum(axis=1, keepdims=True)).reshape(similarity.shape)
    elif rule == "none":
        weights = np.ones_like(similarity)
    else:
        raise ValueError(f"unknown rule {rule!r}: one of {', '.join(RULES)}")
    return weights.astype(np.float32)


def pair_weights_by_row(cosine: np.ndarray, row: np.ndarray, rule: str) -> np.ndarray:
    """`pair_weights` for samples with different numbers of partners: cosines (p,) of pairs, and whose each is (p,).

    Pairs of one sample stand next to each other. Only `softmax` looks at whose a pair is; where all samples have equally
    many partners the weights are the very same numbers.
    """
    if rule != "softmax" or not len(row):
        return pair_weights(cosine, rule)
    _, count = np.unique(row, return_counts=True)
    weights = np.empty(len(row), dtype=np.float32)
    start = np.concatenate([[0], np.cumsum(count)[:-1]])  # first pair of each sample
    for size in np.unique(count):
        at = start[count == size][:, None] + np.arange(size)  # (sample, partner)
        weights[at] = pair_weights(cosine[at], rule)
    return weights


def shared_out(weight: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Weights float32 (p,) that sum to 1 over each sample's pairs (0 where they were all 0): the scheme `topk_sum`.

    The paper's further work merges the k nearest partners into one. A list of pairs whose weights w_j sum to 1 is that
    merged partner already: in eq. 3 (form `mmbind`) Σ_j w_j (log Z − a·b_j/τ) = log Z − a·(Σ_j w_j b_j)/τ, the loss
    against the weighted mean embedding, with the same Z since no positive stands in it. The mean is not stretched to unit
    length, so partners that disagree pull less. It is formed anew each round from the partners' current embeddings, and
    neither the message nor the node need know of it. Form `supcon` has positives in Z: there the two differ.
    """
    _, which = np.unique(row, return_inverse=True)
    total = np.bincount(which, weights=weight.astype(np.float64))[which] if len(row) else np.zeros(0)
    return np.divide(weight, total, out=np.zeros(len(row)), where=total > 0).astype(np.float32)
