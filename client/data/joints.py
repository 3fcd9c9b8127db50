"""Hand joints as text, and what they are taken against."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from client.data.cards import OptionCard
from client.data.corrupt import CorruptPolicy

CENTER = OptionCard("first", ("first", "wrist", "none"), "joints against the first frame's wrist, or each frame's own")


def read_table(path: Path, columns: int, policy: CorruptPolicy) -> NDArray[np.float64] | None:
    """Numbers separated by blanks, (line, column); None where there is no file or, counted, it is broken."""
    if not path.exists():
        return None
    try:
        table = np.loadtxt(path, ndmin=2)
    except (ValueError, OSError) as error:
        policy.refuse(path, f"the file cannot be read as numbers ({error})")
        return None
    if not table.size or table.shape[1] != columns:
        policy.refuse(path, f"the file has shape {table.shape}", expected=f"(frames, {columns})")
        return None
    return np.asarray(table, dtype=np.float64)


def centred(table: NDArray[np.float64], layout: tuple[int, ...], center: str, joint: int = 0) -> NDArray[np.float64]:
    """(time, joint * number) less the place of one joint, by default the wrist, in the first or in every frame."""
    if center == "none":
        return table
    joints = table.reshape(-1, *layout)
    own = joints[:, joint : joint + 1]
    return (joints - (own if center == "wrist" else own[:1])).reshape(table.shape)
