"""Nodes that raise, lie or vanish in the middle: the run finishes without them, and says who and why."""

import numpy as np
import pytest
from flwr.app import Message

import client.app
from protocol.payload import Payload
from tests.simulation.smallest import smallest, whole_run

ASKED = {  # what each way of contrast asks a node, and the round in which it fails (`exact` counts steps from 1)
    "targets": {"autoencoder": 1, "embed": 1, "targets": 2, "contrast": 2},
    "exact": {"targets": 0, "exact_views": 2, "exact_gradient": 2},
}
CASES = [(mode, kind, round) for mode, kinds in ASKED.items() for kind, round in kinds.items()]
EMBEDDINGS = [case for case in CASES if case[1] in ("embed", "targets", "exact_views")]


def skipped_in(path, mode, watch=None, *overrides):
    """Runs fedbind to its end with nodes 0 and 1 in group a, 2 and 3 in b; returns who was left out of what."""
    experiment = smallest(
        "data.options={subjects: 8, recordings_per_class: 1, seconds: 8}",
        "split={a: [1, 2], b: [3, 4], finetune: [5, 6], test: [7, 8]}", "groups.a.nodes=2", "groups.b.nodes=2",
        "methods=[fedbind]", f"contrast.mode={mode}", "contrast.batch=16", *overrides,
    )  # fmt: skip
    results, summary = whole_run(experiment, path, watch=watch)
    assert summary["methods"]["fedbind"]["accuracy"]["mean"] is not None and "incomplete" not in summary
    told = results["fedbind", 0]["nodes"]
    assert summary["nodes"]["skipped"] == [{**skip, "method": "fedbind", "seed": 0} for skip in told["skipped"]]
    nodes = sum(group.nodes for group in experiment.groups.values())
    assert told["ok"] == nodes - len({skip["node"] for skip in told["skipped"]})
    return told["skipped"]


def asked(message, kind, round):
    """Whom this message asks, if it is of that kind and round; else None."""
    info = Payload.from_records(message.content).info
    return info["partition"] if message.metadata.message_type.endswith(f".{kind}") and info["round"] == round else None


def changed(message, reply, change):
    """The reply as `change` makes it."""
    payload = Payload.from_records(reply.content)
    blocks = {name: {key: np.array(value) for key, value in block.items()} for name, block in payload.blocks.items()}
    made = change(Payload(blocks, dict(payload.info), dict(payload.metrics)))
    return Message(made.to_records(), reply_to=message)


def by_node(skipped, round):
    """Reasons by node, all of one round."""
    assert {skip["round"] for skip in skipped} == {round}
    reasons = {skip["node"]: skip["reason"] for skip in skipped}
    assert len(reasons) == len(skipped)
    return reasons


def spoilt(payload):
    array = next(a for block in payload.blocks.values() for a in block.values() if a.dtype.kind == "f")
    array.flat[0] = np.nan
    return payload


@pytest.mark.parametrize(("mode", "kind", "round"), CASES)
def test_nodes_that_raise_vanish_or_send_nan_in_the_middle_are_named(tmp_path, monkeypatch, mode, kind, round):
    """In one round node 0 raises, node 1 vanishes, node 2 sends NaN."""
    answer = client.app._answer

    def breaking(of_kind, message, context, work):
        def fails(*_):
            raise RuntimeError("in /home/someone/secret.mat")

        return answer(of_kind, message, context, fails if asked(message, kind, round) == 0 else work)

    def watch(message, reply):
        whom = asked(message, kind, round)
        return None if whom == 1 else changed(message, reply, spoilt) if whom == 2 else reply

    monkeypatch.setattr(client.app, "_answer", breaking)
    reasons = by_node(skipped_in(tmp_path, mode, watch), round)
    assert set(reasons) == {0, 1, 2}
    assert "RuntimeError" in reasons[0] and "secret" not in reasons[0]
    assert reasons[1].startswith("late: no reply within") and "NaN" in reasons[2]


def narrower(payload):
    for block in payload.blocks.values():
        block["values"] = block["values"][:, :-1]
    return payload


def without_handles(payload):
    return Payload({name: {"values": block["values"]} for name, block in payload.blocks.items()}, payload.info)


def under_other_handles(payload):
    for block in payload.blocks.values():
        block["handles"] = block["handles"] + 1
    return payload


@pytest.mark.parametrize(("mode", "kind", "round"), EMBEDDINGS)
def test_embeddings_out_of_form_cost_their_node_the_round_and_nobody_else(tmp_path, mode, kind, round):
    lies = {1: narrower, 3: without_handles}
    if kind == "exact_views":
        lies[2] = under_other_handles

    def watch(message, reply):
        lie = lies.get(asked(message, kind, round))
        return changed(message, reply, lie) if lie else reply

    reasons = by_node(skipped_in(tmp_path, mode, watch), round)
    assert set(reasons) == set(lies)
    assert "numbers" in reasons[1] and "one handle for each row" in reasons[3]
    assert kind != "exact_views" or "not asked for" in reasons[2]


@pytest.mark.parametrize("kind", ["finetune", "head"])
def test_of_two_boards_that_fine_tune_or_test_one_may_vanish(tmp_path, kind):
    victim = {"finetune": 5, "head": 7}[kind]

    def watch(message, reply):
        of_kind = message.metadata.message_type.endswith(f".{kind}")
        return None if of_kind and Payload.from_records(message.content).info["partition"] == victim else reply

    skipped = skipped_in(tmp_path, "targets", watch, "groups.finetune.nodes=2", "groups.test.nodes=2")
    assert {skip["node"] for skip in skipped} == {victim}
