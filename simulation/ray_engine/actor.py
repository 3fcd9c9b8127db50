"""What runs in an actor: many nodes with their data and state resident, asked one after another.

Nodes read their recordings here, from what the experiment says of them; none comes from the driver. After every call the
state of the nodes that changed is given back beside the replies and stays in Ray's object store, owned by the driver,
which never reads it: should this process die, another takes the state up from there, and the call is made again.
"""

from __future__ import annotations

import importlib
import logging
import os
import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from flwr.app import Context, Message, RecordDict

from simulation.allocator import keep_freed_memory
from simulation.ray_engine.asking import Asked
from simulation.ray_engine.parcel import as_buffer
from simulation.ray_engine.together import Batches, Batching

State = dict[int, tuple[dict[str, np.ndarray], bytes | None]]  # node -> its store, and Flower's own state of it
Head = tuple[Any, dict[int, float], list[int], float, list[tuple[str, int, str]]]
"""What came of the replies; seconds by node; nodes whose state changed; CPU seconds; what was logged."""


class Nodes:
    """The nodes of one actor, in whatever runs are under way."""

    def __init__(self, app: str, threads: int, resident: int, batching: Batching = "off"):
        os.environ["FEDBIND_RESIDENT_NODES"] = str(resident)  # read by client.node when it is imported
        import torch

        torch.set_num_threads(threads)
        keep_freed_memory()
        self.threads = threads
        module, _, name = app.partition(":")
        from simulation.local import handled

        offers = importlib.import_module(module)
        app_: Callable[[Message, Context], Message] = getattr(offers, name)
        self.batches = Batches(batching, getattr(offers, "together", {}), partial(handled, app_))
        self.runs: dict[int, tuple[Mapping[int, Mapping[str, Any]], Mapping[str, Any]]] = {}
        self.contexts: dict[tuple[int, int], Context] = {}
        self.log = _Kept()
        logging.getLogger("fedbind").addHandler(self.log)
        logging.getLogger("fedbind").propagate = False

    def begin(self, run_id: int, node_configs: Mapping[int, Mapping[str, Any]], run_config: Mapping[str, Any]) -> int:
        """Gets to know the nodes of a run, none of which is made before it is asked; returns the process's id."""
        self.runs[run_id] = (node_configs, run_config)
        return os.getpid()

    def work(
        self, run_id: int, asked: Asked, deadline: float | None, common: Any, restore: Sequence[tuple[int, int]],
        *states: State | None,
    ) -> tuple[Head, State | None]:  # fmt: skip
        """Has messages handled one after another; what is not done by the deadline (Unix time) does not come back.

        common   what the round's calls share
        restore  nodes new to this actor, each with the number of the state in `states` that is its own, in order
        """
        from client.store import store_of

        began = time.process_time()
        for node, at in restore:
            self._take_up(run_id, node, states[at])
        taker, seconds = asked.taker(common), dict[int, float]()
        before: dict[int, dict[str, bytes]] = {}
        for (message, _), reply, took in self.batches.answers(
            self._asked(run_id, asked.messages(common), deadline, before)
        ):
            if deadline is None or time.time() <= deadline:
                taker.take(message, reply)
            node = message.metadata.dst_node_id
            seconds[node] = seconds.get(node, 0.0) + took
        kept: State = {}
        for node, earlier in before.items():
            context = self._context(run_id, node)
            now: dict[str, bytes] = store_of(run_id, node, context.node_config)  # type: ignore[assignment]
            of_flower = context.state if len(context.state) else None
            if of_flower is not None or now.keys() != earlier.keys() or any(now[k] is not earlier[k] for k in now):
                kept[node] = ({k: as_buffer(v) for k, v in now.items()}, _pickled(of_flower))
        return (taker.told(), seconds, list(kept), time.process_time() - began, self.log.taken()), kept or None

    def _asked(
        self, run_id: int, messages: Iterable[Message], deadline: float | None, before: dict[int, dict[str, bytes]]
    ) -> Iterator[tuple[Message, Context]]:
        """The messages until the deadline, each with its node's context; `before` takes what the nodes' stores hold."""
        from client.store import store_of

        for message in messages:
            if deadline is not None and time.time() > deadline:
                return
            context = self._context(run_id, message.metadata.dst_node_id)
            store = store_of(run_id, context.node_id, context.node_config)
            before.setdefault(context.node_id, dict(store))  # type: ignore[call-overload]
            yield message, context

    def end(self, run_id: int) -> None:
        """Forgets a run."""
        from client.store import release

        release(run_id)
        self.runs.pop(run_id, None)
        for key in [key for key in self.contexts if key[0] == run_id]:
            del self.contexts[key]

    def _context(self, run_id: int, node: int) -> Context:
        if (run_id, node) not in self.contexts:
            node_configs, run_config = self.runs[run_id]
            own = {"threads": self.threads, **node_configs[node], "store": "memory", "resident": True}
            self.contexts[run_id, node] = Context(run_id, node, own, RecordDict(), dict(run_config))
        return self.contexts[run_id, node]

    def _take_up(self, run_id: int, node: int, state: State | None) -> None:
        from client.store import store_of

        if state is None or node not in state:  # that call left the node as it was
            return
        entries, of_flower = state[node]
        context = self._context(run_id, node)
        store = store_of(run_id, node, context.node_config)
        store.clear()  # type: ignore[attr-defined]
        for name, value in entries.items():
            store.put(name, value.tobytes())
        context.state = RecordDict() if of_flower is None else _unpickled(of_flower)


class _Kept(logging.Handler):
    """What the nodes logged, until the driver takes it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, int, str]] = []
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.name, record.levelno, self.format(record)))

    def taken(self) -> list[tuple[str, int, str]]:
        lines, self.lines = self.lines, []
        return lines


def _pickled(state: RecordDict | None) -> bytes | None:
    return None if state is None else pickle.dumps(state)


def _unpickled(state: bytes) -> RecordDict:
    return pickle.loads(state)  # made by this very class, and never off a network of others
