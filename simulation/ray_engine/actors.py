"""The actors of a run: made once, made again where one dies, shared by all jobs of the run."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Mapping
from typing import Any

from configs.errors import UserError
from configs.schema import RunSettings
from simulation.ray_engine.actor import Nodes

MOST_DEATHS = 20  # of one run; then something is wrong that no restart mends


class Actors:
    """`count` actors that run one ClientApp.

    app    "module:name" of the ClientApp, imported in every actor
    nodes  the most nodes of a job: an actor keeps the data of so many
    """

    def __init__(self, settings: RunSettings, count: int, nodes: int, app: str = "client.app:app"):
        import ray

        have = ray.cluster_resources()
        for name, each in (("CPU", settings.cpus_per_actor), ("GPU", settings.gpus_per_actor)):
            if each * count > have.get(name, 0.0) + 1e-6:
                raise UserError(
                    f"{count} actors want {each * count:g} {name}s, Ray has {have.get(name, 0.0):g}",
                    where=f"run.actors, run.{name.lower()}s_per_actor",
                    todo="ask for fewer actors, or less for each",
                )
        self.count, self.deaths = count, 0
        offered = getattr(importlib.import_module(app.partition(":")[0]), "together", {})
        self.remarks = (
            [
                f"run.batched_nodes={settings.batched_nodes}: this app has no networks that can be stacked (those with layers over "
                "time cannot); nodes are trained one by one"
            ]
            if settings.batched_nodes != "off" and not offered
            else []
        )
        self.stop = threading.Event()  # set from outside: rounds under way end with KeyboardInterrupt
        self._runs: dict[int, tuple[Mapping[int, Mapping[str, Any]], Mapping[str, Any]]] = {}
        kind: Any = ray.remote(Nodes).options(num_cpus=settings.cpus_per_actor, num_gpus=settings.gpus_per_actor)
        arguments = (app, max(1, int(settings.cpus_per_actor)), max(64, 4 * nodes), settings.batched_nodes)
        self._make = lambda: kind.remote(*arguments)
        self.handles: list[Any] = [self._make() for _ in range(count)]

    def begin(self, run_id: int, node_configs: Mapping[int, Mapping[str, Any]], run_config: Mapping[str, Any]) -> None:
        """Tells all actors of a job's nodes; those made later are told too."""
        self._runs[run_id] = (node_configs, run_config)
        for handle in self.handles:
            handle.begin.remote(run_id, node_configs, run_config)

    def end(self, run_id: int) -> None:
        """Has all actors forget a job."""
        del self._runs[run_id]
        for handle in self.handles:
            handle.end.remote(run_id)

    def close(self) -> None:
        """Ends all actors."""
        import ray

        for handle in self.handles:
            ray.kill(handle)

    def again(self, actor: int) -> None:
        """Puts a fresh actor in the place of one that died. Raises UserError where this happens too often."""
        import ray

        ray.kill(self.handles[actor])
        self.deaths += 1
        if self.deaths > MOST_DEATHS:
            raise UserError(f"Ray's actors died {self.deaths} times in this run", todo="try --engine local to see why")
        self.handles[actor] = self._make()
        for run_id, (node_configs, run_config) in self._runs.items():
            self.handles[actor].begin.remote(run_id, node_configs, run_config)


def actors_for(settings: RunSettings, nodes: int) -> int:
    """How many actors: as set, else one for every `cpus_per_actor` cores, at most one per node."""
    if settings.actors:
        return settings.actors
    if settings.address is not None:
        import ray

        cores = ray.cluster_resources().get("CPU", 1.0) if ray.is_initialized() else 1.0
    else:
        cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    return max(1, min(nodes, int(cores / settings.cpus_per_actor)))
