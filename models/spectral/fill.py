"""What stands where a record is missing."""

import torch
from torch import Tensor

LARGEST = 1e6  # in spreads; beyond it a value is a fault, and would drown what comes after it in rounding


def filled(records: Tensor, before: Tensor | None = None) -> Tensor:
    """(..., time) with NaN and infinities replaced by the last value known, by `before` (...) or zero where none is.

    Zero is the mean of a normalised signal. Values are held within ±LARGEST.
    """
    known = torch.isfinite(records)
    if known.all():
        return records.clamp(-LARGEST, LARGEST)
    start = torch.zeros_like(records[..., :1]) if before is None else before[..., None]
    values = torch.cat([start, torch.where(known, records, 0.0)], dim=-1).clamp(-LARGEST, LARGEST)
    place = torch.arange(1, records.shape[-1] + 1, device=records.device)
    last = torch.where(known, place, 0).cummax(dim=-1).values
    return values.gather(-1, last)
