"""Which shared modality to bind by, told before a run: its first three phases for every candidate, and what they give."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.data.holdings import check_holdings
from configs.load import load
from configs.schema import Experiment
from server.binding.choice import Candidate, agreement, judged, rivals_of, why
from server.binding.steps import Step
from server.dispatch import Dispatch
from server.job import Job
from server.phases.audit import labels_for_audit, words_of
from server.phases.autoencoder import train_autoencoder
from server.phases.bind import chosen_steps
from server.phases.describe import describe
from server.phases.embed import embed
from server.state import JobState
from simulation.jobs import grid_for

Tell = Callable[[str], None]
EVERY_CANDIDATE = ("methods=[fedbind]", "contrast.labels=auto", "bind.pairing=nearest", "bind.by=auto")
_ROUNDS_BETWEEN_LINES = 10


@dataclass(frozen=True)
class Choice:
    """What there is to choose from, what the score takes, and on what data and under which seed it was found."""

    data: str
    simulated: bool
    seed: int
    candidates: Sequence[Candidate]
    taken: Sequence[Step]


def experiment_to_choose_for(config: str | Path, overrides: Iterable[str]) -> Experiment:
    """The experiment with every modality that two groups share as a candidate, whatever it says it is bound by.

    Raises UserError where groups share none, or are left in parts.
    """
    return load(config, [*overrides, *EVERY_CANDIDATE])


def choose(experiment: Experiment, tell: Tell) -> Choice:
    """Trains each candidate's shared encoder over the nodes as a run would, under the experiment's first seed.

    tell  is given a line now and then. Every node is asked for its labels, for the true pairing accuracy; simulated nodes
    give theirs. Nothing is kept.
    """
    check_holdings(experiment)
    seed = experiment.seeds[0]
    grid = grid_for(experiment, "fedbind", seed)
    try:
        with tempfile.TemporaryDirectory(prefix="fedbind-choose-") as folder:
            run = experiment.run
            dispatch = Dispatch(grid, _Lines(tell), "fedbind", seed, run.reply_timeout_s, run.min_nodes)
            job = Job(experiment, "fedbind", seed, dispatch, Path(folder))
            state = embed(job, train_autoencoder(job, describe(job, JobState())))
            taken, found = chosen_steps(job, state.embedded)
            senders = sorted({p for of_modality in state.embedded.values() for p in of_modality})
            label_of = labels_for_audit(job, state, senders)
            told = state.manifests[senders[0]]
            if label_of is not None:
                found = judged(found, state.embedded, label_of, len(words_of(job, state).classes))
    finally:
        grid.close()
    return Choice(experiment.data_name, told.simulated, seed, found, taken)


class _Lines:
    """Events of a job as a few lines for a person."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell

    def append(self, event: Mapping[str, Any]) -> None:
        """Tells of every tenth round, and of nodes that were left out."""
        if event["event"] == "round" and event["phase"] == "autoencoder":
            round, rounds = event["round"], event["rounds"]
            if round % _ROUNDS_BETWEEN_LINES == 0 or round == rounds:
                self.tell(f"shared encoders: round {round} of {rounds}")
        elif event["event"] == "skip":
            self.tell(f"node {event['node']} left out of {event['phase']}, round {event['round']}: {event['reason']}")


def choice_lines(choice: Choice) -> list[str]:
    """The table of candidates, the recommendation with its reason, and whether score and true accuracy agree."""
    kind = "SIMULATED" if choice.simulated else "real recordings"
    several = len({(each.step.first, each.step.second) for each in choice.candidates}) > 1
    head = [
        *(["groups"] if several else []),
        "modality",
        "score",
        "separability",
        "node guess",
        "true pairing accuracy",
    ]
    rows = [head]
    for each in sorted(choice.candidates, key=lambda each: -(each.score.score if each.score else -1.0)):
        own = each.score
        figures = [f"{v:.3f}" for v in (own.score, own.separability, own.node_guess)] if own else ["–"] * 3
        right = "not told" if each.accuracy is None else f"{100 * each.accuracy:.1f} %"
        rows.append([*([_groups(each.step)] if several else []), each.step.by, *figures, right])
    width = [max(len(row[at]) for row in rows) for at in range(len(head))]
    words = len(head) - 4  # columns of words stand left, those of figures right
    lines = [f"{choice.data} ({kind}), seed {choice.seed}", ""]
    for row in rows:
        cells = [c.ljust(width[at]) if at < words else c.rjust(width[at]) for at, c in enumerate(row)]
        lines.append("  ".join(cells).rstrip())
    lines.append("")
    for step in choice.taken:
        between = f"{_groups(step)}: " if several else ""
        lines.append(f"{between}{step.by}: {why(step, choice.candidates)}")
    return [*lines, f"to bind so: {_setting(choice)}", _agreement(choice)]


def _groups(step: Step) -> str:
    return f"{step.first}–{step.second}"


def _setting(choice: Choice) -> str:
    """The overrides that bind as recommended."""
    by = list(dict.fromkeys(step.by for step in choice.taken))
    return f"bind.by={by[0]}" if len(by) == 1 else f"bind.by=[{','.join(by)}] bind.order=chosen"


def _agreement(choice: Choice) -> str:
    """Whether the ranking is that of the true pairing accuracy."""
    alike, compared = agreement(choice.candidates)
    if not compared:
        none = all(each.accuracy is None for each in choice.candidates)
        reason = "no node gives its labels" if none else "there are no two candidates to compare"
        return f"the ranking cannot be held against the true pairing accuracy: {reason}"
    if alike == compared:
        return "the score ranks as the true pairing accuracy does"
    best = [max((own, *others), key=lambda each: each.accuracy or 0.0).step.by
            for own, others in (rivals_of(step, choice.candidates) for step in choice.taken)]  # fmt: skip
    taken = [step.by for step in choice.taken]
    first = "what is best by it is taken all the same" if best == taken else f"best by it is {', '.join(best)}"
    return f"the score and the true pairing accuracy rank alike in {alike} of {compared} comparisons; {first}"
