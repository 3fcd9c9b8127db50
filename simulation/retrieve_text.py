"""What was retrieved, for a person at a terminal."""

from __future__ import annotations

from server.measures.retrieval import Retrieval
from server.tracking import printable
from simulation.retrieve import Recording, Retrieved

_RELATIONS = {"same": "same recording", "window": "another window of it", "other": ""}


def lines(found: Retrieved) -> list[str]:
    """A heading, each query with its answers, then the whole group's figures."""
    kind = "SIMULATED data" if found.data["simulated"] else "real data"
    told = [
        f"{kind} ({printable(found.data['name'])}), {found.method} seed {found.seed}, group {found.group}: "
        f"from {found.source} to {found.target}"
    ]
    for query, answers in found.queries:
        told += ["", f"recording {query.index}: {_who(query)}"]
        for place, answer in enumerate(answers, start=1):
            beside = _RELATIONS[answer.relation]
            told.append(
                f"  {place:>3}  {answer.similarity:+.3f}  recording {answer.recording.index}: {_who(answer.recording)}"
                + (f"  <- {beside}" if beside else "")
            )
    return [*told, "", _overall("same recording", found.same_recording), _overall("same class", found.same_class)]


def _who(recording: Recording) -> str:
    return f"subject {printable(recording.subject)}, {printable(recording.label) if recording.label else 'no class'}"


def _overall(notion: str, figures: Retrieval | None) -> str:
    if figures is None:
        return f"{notion}: too few recordings to tell"
    at_1, at_5, chance = (f"{100 * v:.1f} %" for v in (figures.recall_at_1, figures.recall_at_5, figures.chance_at_1))
    return (
        f"{notion}, {figures.queries} queries among {figures.gallery}: recall@1 {at_1} (chance {chance}), "
        f"recall@5 {at_5}, mAP {figures.mean_average_precision:.3f}"
    )
