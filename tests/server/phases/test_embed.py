"""Embed: whose handles are whose is settled after all have answered, whoever came first."""

import numpy as np
import pytest
from flwr.app import Message

from configs.load import load
from protocol.kinds import ECHO
from protocol.manifest import Manifest, ModalityManifest
from protocol.payload import Payload
from server.dispatch import Dispatch
from server.job import Job
from server.phases.embed import embed
from server.state import JobState
from simulation.local import LocalGrid

SENSORS = {"acc": ModalityManifest("inertial", 16, 3, 50.0, 2)}
FAR = 2**62 + 1  # beyond what double precision tells apart


def sending(handles, encoder="words"):
    def app(message, context):
        question = Payload.from_records(message.content)
        block = {"handles": np.array(handles, np.int64), "values": np.eye(2, 4, dtype=np.float32)}
        info = {key: question.info[key] for key in ECHO} | {"encoder": encoder}
        return Message(Payload({"embeddings.acc": block}, info).to_records(), reply_to=message)

    return app


def embedded(hosts, **options):
    experiment = load("demo", ["groups.a.nodes=2", "groups.b.nodes=2"])
    grid = LocalGrid(lambda m, c: hosts[c.node_id - 100](m, c), [{}] * len(hosts), {}, **options)
    events = []
    dispatch = Dispatch(grid, events, "fedbind", 0, 60.0, 1, {p: 100 + p for p in range(len(hosts))})
    manifests = {p: Manifest(p, "aabb"[p], 2, 2, SENSORS, ["x", "y"], True, "", 0, "") for p in range(len(hosts))}
    state = embed(Job(experiment, "fedbind", 0, dispatch, None), JobState(manifests))
    return state, {told["node"]: told["reason"] for told in dispatch.tally.skipped}, events


@pytest.mark.parametrize("order", [None, lambda replies: replies[::-1]])
def test_nodes_that_use_one_handle_are_both_left_out_in_whatever_order_they_come(order):
    hosts = [sending([FAR, FAR + 1]), sending([5, 6]), sending([6, 7]), sending([8, FAR + 2])]
    state, reasons, _ = embedded(hosts, order=order)
    assert set(state.embedded["acc"]) == {0, 3} and set(reasons) == {1, 2}
    assert set(reasons.values()) == {"uses handles of another node"}


def test_the_name_of_an_encoder_is_cut():
    _, reasons, events = embedded([sending([2 * p, 2 * p + 1], "x" * 10_000) for p in range(4)])
    (note,) = [event["text"] for event in events if event["event"] == "note"]
    assert not reasons and len(note) < 200
