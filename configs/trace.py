"""When nodes are there and how fast they are, from a CSV: node, time_s, speed, bandwidth_bytes_s, online."""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.errors import UserError

COLUMNS = ("node", "time_s", "speed", "bandwidth_bytes_s", "online")
_ONLINE = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True)
class Moment:
    """How a node is from `time_s` on: its speed (1 does an example in the stated seconds), bytes/s, and whether it is there."""

    time_s: float
    speed: float
    bandwidth_bytes_s: float
    online: bool


@dataclass(frozen=True)
class Trace:
    """By node its moments in rising time, the first at 0 s; the last one holds for ever."""

    moments: Mapping[int, Sequence[Moment]]

    def at(self, node: int, time_s: float) -> Moment | None:
        """How a node is at a time; None for one that the trace does not name."""
        own = self.moments.get(node)
        return None if own is None else own[bisect_right(own, time_s, key=lambda each: each.time_s) - 1]

    def online(self, node: int, time_s: float) -> bool:
        """Whether it is there; who is not named always is."""
        now = self.at(node, time_s)
        return now is None or now.online

    def next_change(self, time_s: float) -> float | None:
        """The first time after this one at which anything changes; None where nothing does."""
        later = [each.time_s for own in self.moments.values() for each in own if each.time_s > time_s]
        return min(later, default=None)


def read_trace(path: str | Path) -> Trace:
    """The trace of a CSV with a header of these columns, in any order of rows.

    Raises UserError with the line's number for what cannot be read, is out of range or stands twice, and for a node
    without a row at 0 s.
    """
    where = str(path)
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8-sig")
    except OSError as error:
        told = error.strerror or str(error)
        raise UserError(f"the trace cannot be read: {told}", where, "a CSV file (strategy.trace)") from error
    except UnicodeDecodeError as error:
        raise UserError(f"the trace is no text: {error}", where, "a CSV file in UTF-8") from error
    reader = csv.DictReader(text.splitlines(), restkey="", strict=True)
    found: dict[int, dict[float, Moment]] = {}
    try:
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise UserError(f"the trace has no column {', '.join(missing)}", f"{where}, line 1", ", ".join(COLUMNS))
        for row in reader:
            here = f"{where}, line {reader.line_num}"
            node, moment = _moment(row, here)
            if moment.time_s in found.setdefault(node, {}):
                raise UserError(f"node {node} has two rows at {moment.time_s:g} s", here, "one row a node and time")
            found[node][moment.time_s] = moment
    except csv.Error as error:
        raise UserError(f"the trace is no CSV: {error}", f"{where}, line {reader.line_num + 1}") from error
    if not found:
        raise UserError("the trace has no rows", where, ", ".join(COLUMNS))
    late = sorted(node for node, own in found.items() if 0.0 not in own)
    if late:
        raise UserError(f"node {late[0]} has no row at time_s = 0", where, "how every node begins")
    return Trace({node: [own[time] for time in sorted(own)] for node, own in sorted(found.items())})


def _moment(row: Mapping[str, str | None], where: str) -> tuple[int, Moment]:
    told = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if "" in row or "" in told.values():
        raise UserError("a row with a cell too many or too few", where, ", ".join(COLUMNS))
    node, time_s = _number("node", told["node"], where), _number("time_s", told["time_s"], where)
    speed, bandwidth = (_number(name, told[name], where) for name in ("speed", "bandwidth_bytes_s"))
    if node != int(node):
        raise UserError(f"node is {told['node']}", where, "a whole number")
    online = _ONLINE.get(told["online"].lower())
    if online is None:
        raise UserError(f"online is {told['online']!r}", where, "0 or 1")
    if online and (speed <= 0 or bandwidth <= 0):
        raise UserError("a node that is online has a speed and a bandwidth above 0", where)
    return int(node), Moment(time_s, speed, bandwidth, online)


def _number(name: str, text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise UserError(f"{name} is {text!r}", where, "a number, 0 or above")
    return value
