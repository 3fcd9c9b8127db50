"""Simulated time: when nodes of a trace are there, how long a round takes them, and what becomes of who is late.

Only the rounds of pre-training take simulated time. A node's round takes what it is sent and sends over its bandwidth,
and the examples it trains on times the stated seconds over its speed; both as the trace has them when the round begins.
Everything is counted, nothing measured, so equal seeds give equal times.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from configs.errors import UserError
from configs.nodes import node_places
from configs.schema import Experiment
from configs.trace import Trace, read_trace
from server.dispatch import Dispatch
from strategies.modality_wise import Contribution
from strategies.rule import Rule

_ROUNDING_S = 1e-9  # times are sums of floating-point numbers


@dataclass
class _Waiting:
    """What a late node sent: when it arrives, and in which round it set out."""

    arrives_s: float
    round: int
    contributions: list[Contribution]


@dataclass
class Clock:
    """One job's simulated time.

    example_s   seconds per example at speed 1
    deadline_s  after so long a round ends, with or without the late; None: it waits for all
    uses_late   whether the rule takes late replies in a later round
    """

    trace: Trace
    example_s: float
    deadline_s: float | None
    uses_late: bool
    dispatch: Dispatch
    asked: dict[str, set[int]] = field(default_factory=dict)  # by phase, since its first round
    waiting: dict[str, list[_Waiting]] = field(default_factory=dict)

    @classmethod
    def of(cls, experiment: Experiment, rule: Rule, dispatch: Dispatch) -> Clock | None:
        """The clock of an experiment with a trace; None without. Raises UserError where trace and nodes do not fit."""
        trace, settings = trace_of(experiment), experiment.strategy
        if trace is None:
            return None
        return cls(trace, settings.example_s, settings.deadline_s, rule.uses_late, dispatch)

    @property
    def now(self) -> float:
        """Seconds since the job's first round."""
        return sum(self.dispatch.tally.simulated.values())

    def begin(self, phase: str, round: int, held: Mapping[int, Collection[str]]) -> dict[int, Collection[str]]:
        """Whom a round can ask: who is online and not busy with an earlier one; time passes until somebody is.

        Raises UserError where nobody ever comes.
        """
        if round == 1:
            self.asked[phase], self.waiting[phase] = set(), []
        while not (there := self._there(phase, held)):
            passed = self.now + _ROUNDING_S
            after = [each.arrives_s for each in self.waiting[phase] if each.arrives_s > passed]
            change = self.trace.next_change(passed)
            coming = [*after, *([] if change is None else [change])]
            if not coming:
                raise UserError(
                    f"no node is online from {self.now:g} s on, in phase {phase}, round {round}",
                    where="strategy.trace", todo="let some node come back",
                )  # fmt: skip
            self._pass(phase, min(coming) - self.now)
        self.dispatch.traffic.clear()
        return there

    def first_time(self, phase: str, node: int) -> bool:
        """Whether a node is asked for the first time in this phase; from then on it is not."""
        fresh = node not in self.asked[phase]
        self.asked[phase].add(node)
        return fresh

    def end(
        self, phase: str, round: int, found: list[Contribution], sent: Mapping[int, Mapping[str, dict]], epochs: int = 1
    ) -> list[Contribution]:
        """What counts in this round: the replies that are in time, and, where the rule takes them, late ones of before.

        sent  by node the blocks that it set out from, which a late reply is compared with
        """
        began = self.now
        took = {p: self._seconds(p, found, epochs) for p in sorted({each.partition for each in found})}
        limit = self.deadline_s
        late = {p for p, seconds in took.items() if limit is not None and seconds > limit}
        length = limit if late and limit is not None else max(took.values(), default=limit or 0.0)
        for p in sorted(late):
            how = "used later" if self.uses_late else "dropped"
            self.dispatch.skip(p, _name(phase), round, f"late: {took[p]:.3g} s, deadline {limit:g} s; {how}")
            if self.uses_late:
                own = [
                    Contribution(e.partition, e.blocks, e.weight, e.facts, sent[p]) for e in found if e.partition == p
                ]
                self.waiting[phase].append(_Waiting(began + took[p], round, own))
        self._pass(phase, length)
        passed = self.now + _ROUNDING_S
        due = [each for each in self.waiting[phase] if each.arrives_s <= passed]
        self.waiting[phase] = [each for each in self.waiting[phase] if each.arrives_s > passed]
        self.dispatch.events.append({
            "event": "simulated", "phase": _name(phase), "round": round, "seconds": length, "now": self.now,
            "late": sorted(late), "arrived": sorted(each.contributions[0].partition for each in due),
        })  # fmt: skip
        stale = [
            Contribution(e.partition, e.blocks, e.weight, {**e.facts, "staleness": float(round - each.round)}, e.began)
            for each in due
            for e in each.contributions
        ]
        return [each for each in found if each.partition not in late] + stale

    def _there(self, phase: str, held: Mapping[int, Collection[str]]) -> dict[int, Collection[str]]:
        passed = self.now + _ROUNDING_S
        busy = {each.contributions[0].partition for each in self.waiting[phase] if each.arrives_s > passed}
        return {p: own for p, own in held.items() if p not in busy and self.trace.online(p, passed)}

    def _seconds(self, node: int, found: list[Contribution], epochs: int) -> float:
        """What a round takes a node; nothing for one that the trace does not name."""
        moment = self.trace.at(node, self.now + _ROUNDING_S)
        if moment is None:
            return 0.0
        examples = max(each.facts.get("examples", 0.0) for each in found if each.partition == node) * epochs
        return self.dispatch.traffic.get(node, 0) / moment.bandwidth_bytes_s + examples * self.example_s / moment.speed

    def _pass(self, phase: str, seconds: float) -> None:
        told, name = self.dispatch.tally.simulated, _name(phase)
        told[name] = told.get(name, 0.0) + seconds


def trace_of(experiment: Experiment) -> Trace | None:
    """The experiment's trace; None without. Raises UserError where it cannot be read, or trace and nodes do not fit."""
    path = experiment.strategy.trace
    if path is None:
        return None
    trace, places = read_trace(path), node_places(experiment)
    strangers = sorted(set(trace.moments) - {place.partition for place in places})
    if strangers:
        raise UserError(f"the trace names node {strangers[0]}", path, f"nodes 0 to {len(places) - 1} of the experiment")
    absent = [place.partition for place in places if place.pretrains and place.partition not in trace.moments]
    if absent:
        raise UserError(f"the trace does not name node {absent[0]}", path, "every node that pre-trains has its rows")
    return trace


def _name(phase: str) -> str:
    """`autoencoder acc` is a part of phase autoencoder."""
    return phase.partition(" ")[0]
