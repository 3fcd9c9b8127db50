"""Asking the real ClientApp over the toy experiment, message by message."""

import numpy as np
import pytest

from client.app import app as client_app
from models.blocks import (
    ModalityShape,
    as_block,
    head_blocks,
    new_autoencoder,
    new_encoder,
    new_head,
    new_projection,
)
from protocol.payload import Payload
from server.dispatch import Dispatch
from simulation.local import LocalGrid

SHAPES = {
    "accelerometer": ModalityShape("inertial", 16, 3),
    "gyroscope": ModalityShape("inertial", 16, 3),
    "ecg": ModalityShape("physiological", 16, 1),
}


class Asked:
    """Hosts of an experiment's nodes; `say` returns a reply, `refusal` the reason why there is none."""

    def __init__(self, experiment, hosts=5, method="fedbind", **config):
        self.experiment, self.method = experiment, method
        configs = [{"partition-id": p, "num-partitions": hosts, "handle-key": "k", **config} for p in range(hosts)]
        self.grid = LocalGrid(client_app, configs, {"json": experiment.model_dump_json()})
        route = {p: 100 + p % hosts for p in range(5)}
        self.dispatch = Dispatch(self.grid, [], method, 0, 60.0, 1, route)

    def say(self, kind, partition, payload=None, round=1):
        asked = {partition: payload or Payload()}
        return self.dispatch.ask(kind, asked, "phase", round, may_all_fail=True).get(partition)

    def refusal(self, kind, partition, payload=None, round=1):
        assert self.say(kind, partition, payload, round) is None
        return self.dispatch.tally.skipped[-1]["reason"]

    def blocks(self, *names):
        """Fresh networks and plain statistics by block name."""
        made, settings = {}, self.experiment.models
        for name in names:
            part, _, modality = name.partition(".")
            if part == "encoder":
                made[name] = as_block(new_encoder(modality, SHAPES[modality], settings, 0))
            elif part == "projection":
                made[name] = as_block(new_projection(modality, settings, 0))
            elif part == "autoencoder":
                made[name] = as_block(new_autoencoder(modality, SHAPES[modality], self.experiment.autoencoder, 0))
            elif part == "moments":
                channels = SHAPES[modality].channels
                made[name] = {"mean": np.zeros(channels, np.float32), "std": np.ones(channels, np.float32)}
            else:
                made |= head_blocks(new_head(self.experiment.downstream, 2, settings, 0))
        return made


@pytest.fixture
def make():
    """Makes hosts for an experiment, and ends them after the test."""
    made = []

    def hosts(*arguments, **options):
        made.append(Asked(*arguments, **options))
        return made[-1]

    yield hosts
    for each in made:
        each.grid.close()


@pytest.fixture
def asked(experiment, make):
    return make(experiment)
