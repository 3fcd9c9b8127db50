"""Which of several shared modalities to bind by: what each promises, which is taken, and why in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from server.binding.bind import Embedded, pairing_matrix
from server.binding.score import Score, score
from server.binding.steps import Step, bind_steps, steps_taken

UNTOLD = 0.05  # a node guessed less than this beyond chance is not told from the embeddings


@dataclass(frozen=True)
class Candidate:
    """A modality by which two groups could be bound.

    score     what its embeddings on the two groups' nodes promise; None where there are too few samples to tell
    accuracy  share of nearest neighbours of the same class, both ways; None where no node gives its labels
    """

    step: Step
    score: Score | None
    accuracy: float | None = None


def candidates(embedded: Mapping[str, Mapping[int, Embedded]], possible: Sequence[Step]) -> list[Candidate]:
    """Every possible step with its score, in the order given. `embedded`: modality -> node -> its samples by that."""
    return [Candidate(step, _score(embedded[step.by], step)) for step in possible]


def judged(
    found: Sequence[Candidate],
    embedded: Mapping[str, Mapping[int, Embedded]],
    label_of: Mapping[int, int],
    classes: int,
) -> list[Candidate]:
    """The candidates with their true pairing accuracy, from class indices by handle."""
    known = []
    for each in found:
        pairs = bind_steps({each.step.by: embedded[each.step.by]}, [each.step], "none")
        known.append(replace(each, accuracy=pairing_matrix(pairs, label_of, classes)[1]))
    return known


def best_first(found: Sequence[Candidate]) -> list[Step]:
    """For every two groups the step of the highest score, the best first; what cannot be scored comes last."""
    quality = {each.step: each.score.score if each.score else -1.0 for each in found}
    return steps_taken([each.step for each in found], quality)


def rivals_of(step: Step, found: Sequence[Candidate]) -> tuple[Candidate, list[Candidate]]:
    """The candidate of a step, and the others between the same two groups."""
    between = [each for each in found if (each.step.first, each.step.second) == (step.first, step.second)]
    return next(each for each in between if each.step == step), [each for each in between if each.step != step]


def why(step: Step, found: Sequence[Candidate]) -> str:
    """Why the step of the highest score between two groups has it, as the end of a sentence about its modality."""
    candidate, others = rivals_of(step, found)
    own, known = candidate.score, [(each.step.by, each.score) for each in others if each.score]
    if not others:
        return f"nothing else is shared by {step.first} and {step.second}"
    if own is None:
        return "too few samples to tell, so the first that is named"
    if not known:
        return f"of the others too few samples are there to tell (its own score is {own.score:.2f})"
    clearest, its = max(known, key=lambda each: each[1].separability)
    if any(each.score == own.score for _, each in known):
        return f"no other promises more ({own.score:.2f}), and it is named first"
    if own.separability < its.separability:
        return (
            f"its events stand apart less than those of {clearest} ({own.separability:.2f} against "
            f"{its.separability:.2f}), but nodes are told from it less ({own.node_guess:.2f} against {its.node_guess:.2f})"
        )
    apart = f"its events stand apart best ({own.separability:.2f})"
    hidden, least = min(known, key=lambda each: each[1].node_guess)
    if own.node_guess < UNTOLD:
        return f"{apart} and no node can be told from it ({own.node_guess:.2f})"
    if own.node_guess <= least.node_guess:
        return f"{apart} and nodes are told from it least ({own.node_guess:.2f})"
    return f"{apart}, which outweighs that nodes are told from it ({own.node_guess:.2f}, from {hidden} {least.node_guess:.2f})"


def agreement(found: Sequence[Candidate]) -> tuple[int, int]:
    """In how many comparisons of two modalities score and true accuracy rank alike, and how many comparisons there are.

    Compared is within the same two groups; what has no score or no accuracy, or is equal in either, is left out.
    """
    alike = compared = 0
    for one, other in combinations(found, 2):
        same = (one.step.first, one.step.second) == (other.step.first, other.step.second)
        if same and one.score and other.score and one.accuracy is not None and other.accuracy is not None:
            product = (one.score.score - other.score.score) * (one.accuracy - other.accuracy)
            alike, compared = alike + (product > 0), compared + (product != 0)
    return alike, compared


def told(candidate: Candidate) -> str:
    """Modality and score in a few words."""
    if candidate.score is None:
        return f"{candidate.step.by} (too few samples to score)"
    parts = f"events apart {candidate.score.separability:.2f}, nodes told {candidate.score.node_guess:.2f}"
    return f"{candidate.step.by} (score {candidate.score.score:.2f}: {parts})"


def as_entry(candidate: Candidate, taken: bool) -> dict[str, object]:
    """The candidate as plain values, for a job's result."""
    own = candidate.score
    return {
        "between": [candidate.step.first, candidate.step.second], "by": candidate.step.by, "taken": taken,
        "score": own.score if own else None, "separability": own.separability if own else None,
        "node_guess": own.node_guess if own else None, "pairing_accuracy": candidate.accuracy,
    }  # fmt: skip


def _score(found: Mapping[int, Embedded], step: Step) -> Score | None:
    try:
        return score({p: e.vectors for p, e in found.items() if e.group in (step.first, step.second)})
    except ValueError:
        return None
