"""What a pair counts in the contrastive loss, by its similarity (MMBind section 4.2)."""

from __future__ import annotations

import numpy as np

RULES = ("normalized", "cosine", "log", "softmax", "none")
SOFTMAX_TEMPERATURE = 0.05


def pair_weights(cosine: np.ndarray, rule: str) -> np.ndarray:
    """Weights float32 of pairs from their cosines, (n,), or (n, k) for k partners of each sample; same shape back.

    normalized  the paper's: similarity scaled to [0, 1] over all pairs, (s − min)/(max − min); all 1 where all are equal
    cosine      the similarity itself, none below 0
    log         1 + ½·ln(s), none below 0, as one rule of the paper's public code
    softmax     a sample's partners share the weight 1, by softmax of s/0.05; a single partner has it all
    none        1
    Raises ValueError for another rule.
    """
    similarity = np.asarray(cosine, dtype=np.float64)
    if rule == "normalized":
        low, high = similarity.min(initial=np.inf), similarity.max(initial=-np.inf)
        weights = (similarity - low) / (high - low) if high > low else np.ones_like(similarity)
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
