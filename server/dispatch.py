"""Asking nodes and taking what comes back: routing, deadlines, admission, byte counts."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from flwr.app import Array, Message
from flwr.serverapp import Grid

from configs.errors import UserError
from protocol.kinds import Kind
from protocol.payload import Block, Payload, ProtocolError, by_block, by_modality, bytes_by_record, bytes_of
from server.admission import check_reply
from server.summing import Gathered, Summing, Told, questions_of
from server.wire import ServerWire
from strategies.tree import TreeSum

MOST_REASON = 300  # letters
Check = Callable[[int, Payload], None]  # raises ProtocolError to refuse a node's reply


class Events(Protocol):
    """Where events go; `server.tracking.JobLog` is one."""

    def append(self, event: Mapping[str, Any]) -> Any:
        """Records one event: its name under `event`, and its fields."""


@dataclass
class Tally:
    """Bytes by phase, direction, modality and block; wall and CPU seconds by phase; nodes skipped, blocks refused."""

    up: int = 0
    down: int = 0
    by_phase: dict[str, dict[str, int]] = field(default_factory=dict)
    by_modality: dict[str, dict[str, int]] = field(default_factory=dict)
    by_block: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)  # phase -> block -> direction
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    simulated: dict[str, float] = field(default_factory=dict)  # seconds by phase, under a trace
    skipped: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(
        default_factory=list
    )  # blocks by phase and reason, with the rounds they stayed

    def count(self, direction: str, phase: str, sizes: Mapping[str, int]) -> int:
        """Adds one message's content as it travels, told as bytes by record; returns its bytes."""
        for block, part in by_block(sizes).items():
            told = self.by_block.setdefault(phase, {}).setdefault(block, {"up": 0, "down": 0})
            told[direction] += part
        size = sum(sizes.values())
        setattr(self, direction, getattr(self, direction) + size)
        self.by_phase.setdefault(phase, {"up": 0, "down": 0})[direction] += size
        for modality, part in by_modality(sizes).items():
            self.by_modality.setdefault(modality, {"up": 0, "down": 0})[direction] += part
        return size


@dataclass
class Dispatch:
    """One job's way to its nodes. `route` maps a partition to the Flower node that hosts it."""

    grid: Grid
    events: Events
    method: str
    seed: int
    timeout_s: float
    min_nodes: int
    route: dict[int, int] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    traffic: dict[int, int] = field(default_factory=dict)  # bytes both ways by node, since somebody cleared it
    wire: ServerWire = field(default_factory=ServerWire)
    _unheard: dict[int, str] | None = field(default=None, init=False)

    def ask(
        self,
        kind: Kind,
        questions: Mapping[int, Payload],
        phase: str,
        round: int = 1,
        rounds: int = 1,
        check: Check | None = None,
        quiet: bool = False,
        may_all_fail: bool = False,
    ) -> dict[int, Payload]:
        """Replies that pass the gate, by partition in rising order.

        A node that fails, is late, or answers out of protocol is skipped with a reason. Raises UserError when fewer
        than `min_nodes` good replies are left. `quiet` leaves out the round's event (for a phase of many small steps).
        """
        started, before = time.monotonic(), self._marks()
        asked: dict[int, Payload] = {}
        messages = []
        in_form: dict[int, tuple[np.ndarray, Array]] = {}  # a round's weights are put into Flower's form once
        for partition, payload in sorted(questions.items()):
            asked[partition] = self._addressed(payload, phase, round, partition)
        for partition, coded in self.wire.sent(kind, asked, phase, round).items():
            records = coded.to_records(in_form)
            self._count("down", phase, bytes_by_record(records), partition)
            messages.append(Message(records, self.route[partition], kind.message_type, group_id=str(round)))
        good: dict[int, Payload] = {}
        seen: set[int] = set()
        hosts: dict[int, list[int]] = {}
        for partition in asked:
            hosts.setdefault(self.route[partition], []).append(partition)
        for message in self.grid.send_and_receive(messages, timeout=self.timeout_s):
            self._take(kind, asked, hosts, message, phase, round, good, seen, check)
        return self._closed(asked, good, seen, phase, round, rounds, started, before, quiet, may_all_fail)

    def ask_sums(
        self, summing: Summing, questions: Mapping[int, Payload], phase: str, round: int, rounds: int,
        current: Mapping[str, Block],
    ) -> tuple[dict[int, Payload], dict[str, TreeSum] | None]:  # fmt: skip
        """As `ask`, and by block what the replies come to, added up where the nodes live; the replies then hold no blocks.

        Where the grid does not add up, hosts stand for several nodes, or the wire codes what travels, whole replies come,
        and None.
        """
        one_each = len({self.route[p] for p in questions}) == len(questions)
        if not (getattr(self.grid, "adds_up", False) and one_each and self.wire.plain):
            return self.ask(summing.kind, questions, phase, round, rounds, summing.gate), None
        started, before = time.monotonic(), self._marks()
        known: dict[int, tuple[Block, int]] = {}
        asked: dict[int, Payload] = {}
        for partition, payload in sorted(questions.items()):
            asked[partition] = self._addressed(payload, phase, round, partition)
            self._count("down", phase, bytes_of(asked[partition], known), partition)
        gathered: Gathered = self.grid.send_and_sum(  # type: ignore[attr-defined]
            questions_of(asked, self.route), summing, group_id=str(round), timeout=self.timeout_s
        )
        good: dict[int, Payload] = {}
        for told in sorted(gathered.told, key=lambda told: told.partition):
            self._noted(told, phase, round, good)
        seen = {told.partition for told in gathered.told}
        good = self._closed(asked, good, seen, phase, round, rounds, started, before)
        return good, gathered.sums(current)

    def _addressed(self, payload: Payload, phase: str, round: int, partition: int) -> Payload:
        echo = {"method": self.method, "seed": self.seed, "phase": phase, "round": round, "partition": partition}
        return Payload(payload.blocks, {**payload.info, **echo}, payload.metrics)

    def _marks(self) -> tuple[int, int, int]:
        """Bytes down and up and nodes skipped until now."""
        return self.tally.down, self.tally.up, len(self.tally.skipped)

    def _noted(self, told: Told, phase: str, round: int, good: dict[int, Payload]) -> None:
        """One reply that was added up, or not."""
        if told.sizes is not None:
            self._count("up", phase, told.sizes, told.partition)
        if told.refused is None:
            good[told.partition] = Payload({}, told.info, told.metrics)
        else:
            self.skip(told.partition, phase, round, _short(told.refused) if told.sizes is None else told.refused)

    def _closed(
        self, asked: Mapping[int, Payload], good: dict[int, Payload], seen: set[int], phase: str, round: int, rounds: int,
        started: float, before: tuple[int, int, int], quiet: bool = False, may_all_fail: bool = False,
    ) -> dict[int, Payload]:  # fmt: skip
        """The good replies in rising order, once the round's event is told; raises UserError where they are too few."""
        down_before, up_before, skipped_before = before
        self.tally.skipped[skipped_before:] = sorted(self.tally.skipped[skipped_before:], key=lambda told: told["node"])
        for text in getattr(self.grid, "news", list)():
            self.events.append({"event": "note", "text": f"{phase}, round {round}: {text}"})
        late = sorted(set(asked) - seen)
        for partition in late:
            self.skip(partition, phase, round, f"late: no reply within {self.timeout_s:g} s")
        for partition in set(asked) - set(good):
            self.wire.forget(partition)
        good = dict(sorted(good.items()))
        if not quiet:
            losses = {str(p): reply.metrics["loss"] for p, reply in good.items() if "loss" in reply.metrics}
            self.events.append({
                "event": "round", "phase": phase, "round": round, "rounds": rounds,
                "nodes": {"ok": len(good), "late": len(late), "skipped": len(asked) - len(good) - len(late)},
                "loss": sum(losses.values()) / len(losses) if losses else None, "node_losses": losses,
                "bytes_up": self.tally.up - up_before, "bytes_down": self.tally.down - down_before,
                "seconds": time.monotonic() - started,
            })  # fmt: skip
        if len(good) < min(self.min_nodes, len(asked)) and not may_all_fail:
            reasons = "; ".join(f"node {s['node']}: {s['reason']}" for s in self.tally.skipped[-3:])
            raise UserError(
                f"{len(good)} of {len(asked)} nodes answered in phase {phase}, round {round}",
                where=f"{self.method}, seed {self.seed}",
                expected=f"at least run.min_nodes = {self.min_nodes}",
                todo=f"see why nodes were skipped: {reasons}",
            )
        return good

    def _take(
        self, kind: Kind, asked: Mapping[int, Payload], hosts: Mapping[int, list[int]], message: Message,
        phase: str, round: int, good: dict[int, Payload], seen: set[int], check: Check | None,
    ) -> None:  # fmt: skip
        hosted = hosts.get(message.metadata.src_node_id, [])
        if message.has_error():
            named = re.match(r"node (\d{1,9}): ", message.error.reason or "")
            left = [p for p in hosted if p not in seen and (not named or p == int(named[1]))]
            if left:
                seen.add(left[0])
                self.skip(left[0], phase, round, _short(message.error.reason).removeprefix(f"node {left[0]}: "))
            return
        partition = hosted[0] if len(hosted) == 1 else -1
        size = self._count("up", phase, bytes_by_record(message.content), partition)
        try:
            reply = Payload.from_records(message.content)
            partition = int(reply.info.get("partition", partition)) if len(hosted) != 1 else partition
            if len(hosted) != 1 and partition in hosted:
                self.traffic[partition] = self.traffic.get(partition, 0) + size
            if partition not in hosted:
                raise ProtocolError("answers for a node that was not asked")
            if partition in seen:
                raise ProtocolError("answers twice")
            seen.add(partition)
            reply = self.wire.received(partition, asked[partition], reply)
            check_reply(kind, asked[partition], reply)
            if check is not None:
                check(partition, reply)
            good[partition] = reply
        except (ProtocolError, ValueError, TypeError, OverflowError) as error:
            if partition in hosted:
                seen.add(partition)
            else:  # what it claims must not cost another node its round
                partition = next((p for p in hosted if p not in seen), -1)
            self.skip(partition, phase, round, str(error))

    def _count(self, direction: str, phase: str, sizes: Mapping[str, int], partition: int) -> int:
        """Counts a message's bytes by record, as a node's too where it is known whose."""
        size = self.tally.count(direction, phase, sizes)
        if partition >= 0:
            self.traffic[partition] = self.traffic.get(partition, 0) + size
        return size

    @contextmanager
    def of_hosts(self) -> Iterator[dict[int, str]]:
        """Whoever is asked inside is a host of unknown nodes: its number -> why it was skipped, and no node is told."""
        self._unheard = {}
        try:
            yield self._unheard
        finally:
            self._unheard = None

    def skip(self, partition: int, phase: str, round: int, reason: str) -> None:
        """Counts a node out of a round, with the reason; what a node makes long is cut."""
        if self._unheard is not None:
            self._unheard[partition] = reason[:MOST_REASON]
            return
        told = {"node": partition, "phase": phase, "round": round, "reason": reason[:MOST_REASON]}
        self.tally.skipped.append(told)
        self.events.append({"event": "skip", **told})

    def refuse(self, block: str, phase: str, round: int, reason: str, node: int | None = None) -> None:
        """Notes that the rule left a block as it was, or one node's reply out of it, with its reason."""
        told = {"block": block, "phase": phase, "reason": reason, "node": node}
        self.events.append({"event": "refused", **told, "round": round})
        for earlier in self.tally.refused:
            if {key: earlier[key] for key in told} == told:
                earlier["rounds"] += 1
                return
        self.tally.refused.append({**told, "rounds": 1})
        what = "stays as it is" if node is None else f"is aggregated without node {node}"
        self.events.append({"event": "note", "text": f"{block} {what} in phase {phase}: {reason}"})


def _short(reason: str | None) -> str:
    """The last telling line of a node's error, at most 200 characters."""
    lines = [line.strip() for line in (reason or "no reason given").splitlines() if line.strip()]
    return (lines[-1] if lines else "no reason given")[:200]
