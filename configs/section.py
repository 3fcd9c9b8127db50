"""What every part of a configuration is: frozen, and without keys that nobody knows."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]
Size = Annotated[int, Field(ge=1, le=1_000_000)]  # what memory is taken for: nodes, frames of a window
MOST_LETTERS = 100  # of a name that becomes a file's or a folder's


class Section(BaseModel):
    """A part of a configuration; its numbers are finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
