"""An experiment of any number of nodes: SIMULATED recordings of one person each, and small models."""

from __future__ import annotations

from typing import Any

from configs.load import check, load
from configs.schema import Experiment

LEAST_NODES = 4  # one of each group
SENSOR = "eda"


def experiment_of(nodes: int, rounds: int) -> Experiment:
    """Two groups that pre-train, one node that tunes and one that tests; so many `rounds` of pre-training.

    Every node holds skin conductance of one simulated person, six recordings of 4 s; an encoder has a few thousand numbers.
    """
    tree: dict[str, Any] = load("demo").model_dump(mode="json")
    ends = (0, (nodes - 2) // 2, nodes - 2, nodes - 1, nodes)
    people = {name: range(ends[at], ends[at + 1]) for at, name in enumerate(("a", "b", "finetune", "test"))}
    for name, own in people.items():
        tree["groups"][name] |= {"nodes": len(own), "modalities": [SENSOR]}
    tree["name"], tree["bind"]["by"] = "scale", SENSOR
    tree["split"] = {name: [str(1 + at) for at in own] for name, own in people.items()}
    tree["data"] |= {
        "options": {"subjects": nodes, "recordings_per_class": 1, "seconds": 4},
        "modalities": {SENSOR: {"frames": 32}},
    }
    tree["rounds"] |= {"contrast": rounds}
    tree["epochs"] |= {"contrast": 1}
    tree["models"] |= {"width": 8, "feature": 8, "projection": 16, "hidden": 24}
    return check(tree, where="bench scale")
