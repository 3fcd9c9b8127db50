"""Nodes side by side in an actor: who may be, when it is chosen, and the same answers as one after another."""

import numpy as np
import pytest
from flwr.app import Context, Message, RecordDict
from flwr.supercore.task_identity import TaskIdentity

from protocol.payload import Payload
from simulation.bench.rounds.app import app, together
from simulation.bench.rounds.task import beginning
from simulation.local import handled
from simulation.ray_engine.together import MOST, TRIALS, Batches

CLOSE = 2e-6  # weights after four float32 steps, sums in another order


class Counted:
    """Nodes of equal `size` are alike; remembers how many were answered at a time."""

    def __init__(self, broken=False):
        self.sizes, self.broken = [], broken

    def alike(self, message, context):
        return context.node_config.get("size")

    def answer(self, messages, contexts):
        if self.broken:
            raise RuntimeError("cannot")
        self.sizes.append(len(messages))
        return [f"together {context.node_id}" for context in contexts]


def asked(node, model="mlp", **config):
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, 7, 1
    info = {"method": "bench", "seed": 0, "phase": "bench", "round": 1, "partition": node}
    content = Payload({f"encoder.{model}": beginning(model)}, info).to_records()
    message = Message(content, node, "train.bench", group_id="1")
    message.metadata.__dict__["_message_id"] = str(node)
    return message, Context(7, node, config, RecordDict(), {})


def batches(how, offer):
    return Batches(how, {"train.bench": offer}, lambda message, context: f"alone {context.node_id}")


def replies(found):
    return [reply for _, reply, _ in found]


def test_neighbours_that_are_alike_go_side_by_side_and_others_alone():
    offer = Counted()
    pairs = [asked(1, size=3), asked(2, size=3), asked(3), asked(4, size=5), asked(5, size=3)]
    told = replies(batches("on", offer).answers(pairs))
    assert told == ["together 1", "together 2", "alone 3", "alone 4", "alone 5"] and offer.sizes == [2]
    assert replies(batches("off", offer).answers(pairs))[0] == "alone 1"


def test_no_more_than_so_many_at_a_time():
    offer = Counted()
    list(batches("on", offer).answers([asked(node, size=1) for node in range(1, 2 * MOST + 2)]))
    assert offer.sizes == [MOST, MOST]  # and the last one alone


def test_auto_times_both_ways_and_takes_the_faster():
    for faster in (True, False):
        made = batches("auto", Counted())
        pairs = [asked(1, size=3), asked(2, size=3)]
        ways = [replies(made.answers(pairs))[0].split()[0] for _ in range(2 * TRIALS)]
        assert ways == ["alone"] * TRIALS + ["together"] * TRIALS
        (least,) = made._least.values()
        least.update({faster: 0.0, not faster: 1.0})
        assert replies(made.answers(pairs))[0].startswith("together" if faster else "alone")


def test_what_fails_side_by_side_is_asked_alone_from_then_on(caplog):
    made = batches("on", Counted(broken=True))
    for _ in range(2):
        assert replies(made.answers([asked(1, size=3), asked(2, size=3)])) == ["alone 1", "alone 2"]
    assert len(caplog.records) == 1 and "one after another" in caplog.text


def test_deadlines_hold_between_nodes():
    """Messages are fetched one by one, so that whoever gives them may stop."""
    fetched = []

    def pairs():
        for node in (1, 2, 3):
            fetched.append(node)
            yield asked(node)

    answers = batches("off", Counted()).answers(pairs())
    next(answers)
    assert fetched == [1]


def test_side_by_side_the_benchs_nodes_answer_as_alone():
    pairs = [asked(node) for node in range(1, 5)]
    made = Batches("on", together, lambda message, context: pytest.fail("asked alone"))
    for (message, context), reply, _ in made.answers(pairs):
        one = Payload.from_records(reply.content)
        other = Payload.from_records(handled(app, message, context).content)
        assert one.info == other.info and one.metrics == pytest.approx(other.metrics, abs=1e-5)
        for name, value in one.blocks["encoder.mlp"].items():
            np.testing.assert_allclose(value, other.blocks["encoder.mlp"][name], atol=CLOSE)
    assert together["train.bench"].alike(*asked(1, "encoder")) is None  # its layer over time cannot be stacked
