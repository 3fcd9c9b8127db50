"""Nodes that raise, lie or vanish in the middle: the run finishes without them, and says who and why."""

import numpy as np
import pytest
from flwr.app import Message

import client.app
from protocol.payload import Payload
from tests.simulation.smallest import TWO_NODES_A_GROUP, smallest, whole_run

VICTIM = 1  # the second node of group a

# What each way of contrast asks a node, and the round in which it fails (`exact` counts steps; 0 asks who holds what).
ASKED = {
    "targets": {"autoencoder": 1, "embed": 1, "targets": 2, "contrast": 2},
    "exact": {"targets": 0, "exact_views": 2, "exact_gradient": 2},
}
CASES = [(mode, kind, round) for mode, kinds in ASKED.items() for kind, round in kinds.items()]
EMBEDDINGS = [case for case in CASES if case[1] in ("embed", "targets", "exact_views")]


def skipped_in(path, mode, watch=None):
    """Runs fedbind to its end, and returns who was left out of what."""
    experiment = smallest(*TWO_NODES_A_GROUP, "methods=[fedbind]", f"contrast.mode={mode}", "contrast.batch=16")
    results, summary = whole_run(experiment, path, watch=watch)
    assert summary["methods"]["fedbind"]["accuracy"]["mean"] is not None and "incomplete" not in summary
    told = results["fedbind", 0]["nodes"]
    assert summary["nodes"]["skipped"] == [{**skip, "method": "fedbind", "seed": 0} for skip in told["skipped"]]
    assert told["ok"] == 8 - len({skip["node"] for skip in told["skipped"]})
    return told["skipped"]


def is_asked(message, kind, round):
    """Whether this is the victim's question of that kind and round."""
    info = Payload.from_records(message.content).info
    return message.metadata.message_type.endswith(f".{kind}") and (info["partition"], info["round"]) == (VICTIM, round)


def changed(kind, round, change):
    """A watch under which the victim's reply comes back as `change` makes it."""

    def watch(message, reply):
        if not is_asked(message, kind, round):
            return reply
        payload = Payload.from_records(reply.content)
        blocks = {
            name: {key: np.array(value) for key, value in block.items()} for name, block in payload.blocks.items()
        }
        made = change(Payload(blocks, dict(payload.info), dict(payload.metrics)))
        return Message(made.to_records(), reply_to=message)

    return watch


def once(skipped, round):
    """The one reason, where the victim alone was left out, of that round alone."""
    assert [(skip["node"], skip["round"]) for skip in skipped] == [(VICTIM, round)]
    return skipped[0]["reason"]


@pytest.mark.parametrize(("mode", "kind", "round"), CASES)
def test_a_node_that_raises_in_the_middle_is_named_and_the_run_finishes(tmp_path, monkeypatch, mode, kind, round):
    answer = client.app._answer

    def breaking(asked, message, context, work):
        def fails(*_):
            raise RuntimeError("in /home/someone/secret.mat")

        return answer(asked, message, context, fails if is_asked(message, kind, round) else work)

    monkeypatch.setattr(client.app, "_answer", breaking)
    reason = once(skipped_in(tmp_path, mode), round)
    assert "RuntimeError" in reason and "secret" not in reason


@pytest.mark.parametrize(("mode", "kind", "round"), CASES)
def test_a_node_that_vanishes_is_late(tmp_path, mode, kind, round):
    gone = skipped_in(tmp_path, mode, lambda message, reply: None if is_asked(message, kind, round) else reply)
    assert once(gone, round).startswith("late: no reply within")


@pytest.mark.parametrize(("mode", "kind", "round"), CASES)
def test_a_node_that_sends_nan_is_refused(tmp_path, mode, kind, round):
    def spoil(payload):
        array = next(a for block in payload.blocks.values() for a in block.values() if a.dtype.kind == "f")
        array.flat[0] = np.nan
        return payload

    assert "NaN" in once(skipped_in(tmp_path, mode, changed(kind, round, spoil)), round)


def narrower(payload):
    for block in payload.blocks.values():
        block["values"] = block["values"][:, :-1]
    return payload


def of_others(payload):
    for block in payload.blocks.values():
        block["handles"] = block["handles"] + 1
    return payload


def without_handles(payload):
    return Payload({name: {"values": b["values"]} for name, b in payload.blocks.items()}, payload.info)


def of_a_sensor_it_has_not(payload):
    name, block = next(iter(payload.blocks.items()))
    return Payload({**payload.blocks, f"{name.split('.')[0]}.smell": block}, payload.info)


def nothing(payload):
    return Payload({}, payload.info)


@pytest.mark.parametrize(("mode", "kind", "round"), EMBEDDINGS)
@pytest.mark.parametrize("lie", [narrower, without_handles, of_a_sensor_it_has_not, nothing])
def test_embeddings_out_of_form_cost_their_node_the_round_and_nobody_else(tmp_path, mode, kind, round, lie):
    assert once(skipped_in(tmp_path, mode, changed(kind, round, lie)), round)


def test_embeddings_of_samples_that_were_not_asked_for_are_refused(tmp_path):
    reason = once(skipped_in(tmp_path, "exact", changed("exact_views", 2, of_others)), 2)
    assert "not asked for" in reason


def test_a_node_cannot_speak_for_another_s_samples(tmp_path):
    """It sends its own embeddings under the handles of node 0, which answered before."""
    seen = {}

    def watch(message, reply):
        if message.metadata.message_type == "query.targets" and reply is not None:
            payload = Payload.from_records(reply.content)
            seen.setdefault(payload.info["partition"], payload.blocks["targets.acc"]["handles"])
        return reply

    def steal(payload):
        for block in payload.blocks.values():
            block["handles"] = np.array(seen[0][: len(block["handles"])])
        return payload

    stolen = changed("targets", 0, steal)
    reason = once(skipped_in(tmp_path, "exact", lambda message, reply: stolen(message, watch(message, reply))), 0)
    assert "another node" in reason


@pytest.mark.parametrize("kind", ["finetune", "head"])
def test_of_two_boards_that_fine_tune_or_test_one_may_vanish(tmp_path, kind):
    victim = {"finetune": 5, "head": 7}[kind]

    def watch(message, reply):
        asked = message.metadata.message_type.endswith(f".{kind}")
        return None if asked and Payload.from_records(message.content).info["partition"] == victim else reply

    skipped = skipped_in(tmp_path, "targets", watch)
    assert {skip["node"] for skip in skipped} == {victim}
