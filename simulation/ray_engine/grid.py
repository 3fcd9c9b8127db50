"""A Flower Grid over Ray actors: a round is a few calls to each actor, its common arrays travel once."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flwr.app import Error, Message, RecordDict

from server.summing import Gathered, Question, Summing
from simulation.grid import SimulatedGrid
from simulation.ray_engine.actors import Actors
from simulation.ray_engine.asking import Messages, Round
from simulation.ray_engine.plan import placed, runs
from simulation.ray_engine.summed import Questions
from strategies.tree import GROUP

POLL_S = 0.2
GRACE_S = 1.0  # what replies made before the deadline get to arrive
MOST_TRIES = 2  # of a node whose messages end its actor: once among others, once alone


@dataclass
class _Call:
    actor: int
    nodes: list[int]
    round: Round
    state: Any = None  # reference to what the nodes keep afterwards
    tries: int = 0


class RayGrid(SimulatedGrid):
    """One job's nodes in the run's actors.

    actors        the run's
    node_configs  one node-config per node
    run_config    as Flower would hand it to both apps
    """

    adds_up = True  # replies are added up in the actors where the rule allows it

    def __init__(self, actors: Actors, node_configs: Sequence[Mapping[str, Any]], run_config: Mapping[str, Any]):
        super().__init__(len(node_configs))
        self.actors, self.cpu_seconds = actors, 0.0
        self._place: dict[int, int] = {}  # node -> actor
        self._resident: list[set[int]] = [set() for _ in range(actors.count)]  # whose state in the actor is current
        self._state: dict[
            int, list[Any]
        ] = {}  # node -> references in which its state lies, the last that has it counts
        self._least: dict[tuple[str, int], float] = {}  # (message type, node) -> the least CPU seconds it took
        self._recent: deque[float] = deque(maxlen=4)  # expected seconds of the last rounds
        self._late: dict[Any, _Call] = {}
        self._news: list[str] = list(actors.remarks)
        actors.begin(self.run.run_id, dict(zip(self.nodes, node_configs, strict=True)), run_config)

    def news(self) -> list[str]:
        """What happened since the last time that a person should read."""
        told, self._news = self._news, []
        return told

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterator[Message]:
        """Replies as they come; those not made within `timeout` seconds do not arrive."""
        deadline = None if timeout is None else time.time() + timeout
        by_node: dict[int, list[Message]] = {}
        for message in messages:
            self.name(message)
            if message.metadata.dst_node_id in self.nodes:
                by_node.setdefault(message.metadata.dst_node_id, []).append(message)
            else:
                yield Message(Error(5, "no such node"), reply_to=message)
        if by_node:
            yield from self._asked(Messages(by_node), deadline)

    def send_and_sum(
        self, questions: Sequence[Question], summing: Summing, *, group_id: str, timeout: float | None = None
    ) -> Gathered:
        """What is told of each reply, and sums of those that were admitted, made in the actors; all hosts must be ours."""
        deadline = None if timeout is None else time.time() + timeout
        gathered = Gathered()
        if questions:
            kind = summing.kind.message_type
            first = self.create_message(RecordDict(), kind, questions[0].host, group_id)
            for found in self._asked(Questions(questions, summing, first.metadata.__dict__), deadline):
                gathered.join(found)
        return gathered

    def _asked(self, round: Round, deadline: float | None) -> Iterator[Any]:
        """What the calls of a round bring, as they come."""
        import ray

        self._look_after_late()
        self._plan(round.kind, round.nodes())
        common: Any = None if round.common is None else ray.put(round.common)
        pending: dict[Any, _Call] = {}

        def submit(call: _Call) -> None:
            pending[self._submit(call, common, deadline)] = call

        for actor in range(self.actors.count):
            nodes = sorted(node for node in round.nodes() if self._place[node] == actor)
            if nodes:  # one call an actor: every further one costs several CPU-ms, whatever it holds
                submit(_Call(actor, nodes, round))
        while pending:
            done, _ = ray.wait(list(pending), num_returns=1, timeout=POLL_S)
            if self.actors.stop.is_set():
                raise KeyboardInterrupt
            if not done and deadline is not None and time.time() > deadline + GRACE_S:
                self._late.update(pending)
                return
            for head in done:
                if head not in pending:  # asked again meanwhile
                    continue
                call = pending[head]
                try:
                    told = ray.get(head)
                except ray.exceptions.RayActorError:
                    hit = {reference: each for reference, each in pending.items() if each.actor == call.actor}
                    for reference in hit:
                        del pending[reference]
                    for each in self._after_death(call.actor, list(hit.values())):
                        if each.tries < MOST_TRIES:
                            submit(each)
                        else:
                            yield from self._given_up(each)
                    continue
                del pending[head]
                yield from self._taken(call, told)

    def close(self) -> None:
        """Forgets the job here and in the actors."""
        self._state.clear()
        self._late.clear()
        self.actors.end(self.run.run_id)

    def _group(self, node: int) -> int:
        """The group of neighbours whose replies are added up first."""
        return (node - self.nodes[0]) // GROUP

    def _plan(self, kind: str, nodes: Sequence[int]) -> None:
        """Nodes are given their actors, and move where that makes a heavy round shorter."""
        known = [self._least[kind, node] for node in nodes if (kind, node) in self._least]
        usual = sum(known) / len(known) if known else 1.0
        costs = {node: max(self._least.get((kind, node), usual), 1e-6) for node in nodes}
        if known:
            self._recent.append(sum(costs.values()))
        heavy = bool(known) and sum(costs.values()) >= 0.5 * max(self._recent)
        here = {node: actor for node, actor in self._place.items() if node in costs}
        moved = (
            placed(costs, here, self.actors.count, self._group)
            if heavy or not here
            else {**runs(costs, self.actors.count, self._group), **here}
        )
        waited_for = {node for call in self._late.values() for node in call.nodes}
        for node, actor in moved.items():
            if self._place.get(node) != actor and node not in waited_for:
                if node in self._place:
                    self._resident[self._place[node]].discard(node)
                self._place[node] = actor

    def _submit(self, call: _Call, common: Any, deadline: float | None) -> Any:
        """Makes the call; returns the reference of its head."""
        asked = call.round.asked(call.nodes)
        states: list[Any] = []
        restore: list[tuple[int, int]] = []
        for node in call.nodes:
            if node not in self._resident[call.actor]:
                for reference in self._state.get(node, ()):
                    if reference not in states:
                        states.append(reference)
                    restore.append((node, states.index(reference)))
                self._resident[call.actor].add(node)
        work = self.actors.handles[call.actor].work.options(num_returns=2)
        head, call.state = work.remote(self.run.run_id, asked, deadline, common, restore, *states)
        for node in call.nodes:
            self._state.setdefault(node, []).append(call.state)
        return head

    def _taken(self, call: _Call, head: Any) -> Iterator[Any]:
        """What a call that came back brought."""
        told, seconds, changed, cpu_seconds, lines = head
        self._settled(call, changed)
        self.cpu_seconds += cpu_seconds
        kind = call.round.kind
        for node, took in seconds.items():
            self._least[kind, node] = min(took, self._least.get((kind, node), took))
        for name, level, text in lines:
            logging.getLogger(name).log(level, text)
        yield from call.round.results(told)

    def _settled(self, call: _Call, changed: Sequence[int]) -> None:
        for node in call.nodes:
            if node in changed:
                self._state[node] = [call.state]
            else:
                self._state[node] = [each for each in self._state[node] if each != call.state]

    def _after_death(self, actor: int, calls: Sequence[_Call]) -> list[_Call]:
        """A fresh actor, and what is to be asked of it: the calls again, the one that was under way node by node at last."""
        lost = [*calls, *(call for call in self._late.values() if call.actor == actor)]
        self._late = {head: call for head, call in self._late.items() if call.actor != actor}
        for call in lost:
            self._settled(call, ())
        held, self._resident[actor] = len(self._resident[actor]), set()
        self.actors.again(actor)
        self._news.append(f"actor {actor} died and was started again; the state of its {held} nodes was restored")
        first, *others = calls
        first.tries += 1
        if first.tries == 1 or len(first.nodes) == 1:
            return [first, *others]
        alone = [_Call(actor, [node], first.round, tries=1) for node in first.nodes]
        return [*alone, *others]

    def _given_up(self, call: _Call) -> Iterator[Any]:
        self._news.append(f"node {call.nodes[0]} ended its actor {call.tries} times and is left out of this round")
        yield from call.round.lost(call.nodes[0], "the process of this node died at every try")

    def _look_after_late(self) -> None:
        """Takes up what calls of earlier rounds left, as far as they have ended."""
        import ray

        if not self._late:
            return
        for head in ray.wait(list(self._late), num_returns=len(self._late), timeout=0)[0]:
            call = self._late.pop(head)
            try:
                list(self._taken(call, ray.get(head)))
            except ray.exceptions.RayActorError:
                self._after_death(call.actor, [call])
