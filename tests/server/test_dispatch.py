"""Asking nodes and taking what comes back: who is skipped, why, and what it cost."""

import re

import numpy as np
import pytest
from flwr.app import ConfigRecord, Error, Message, RecordDict

from configs.errors import UserError
from protocol.codecs import codecs_of
from protocol.kinds import CONTRAST, ECHO, EMBED
from protocol.payload import Payload, ProtocolError, count_bytes
from protocol.wire import encode
from server.admission import weights_gate
from server.dispatch import MOST_REASON, Dispatch, Tally
from simulation.local import LocalGrid

CURRENT = {"encoder.gyroscope": {"w": np.arange(3, dtype=np.float32)}}


class Events(list):
    def named(self, name):
        return [event for event in self if event["event"] == name]


def honest(message, context):
    question = Payload.from_records(message.content)
    number = float(question.info["partition"])
    blocks = {"encoder.gyroscope": {"w": question.blocks["encoder.gyroscope"]["w"] + np.float32(number)}}
    echo = {key: question.info[key] for key in ECHO}
    return Message(Payload(blocks, echo, {"examples": 10.0, "loss": number}).to_records(), reply_to=message)


def lying(**parts):
    """A ClientApp whose honest answer is changed in its blocks, info or metrics."""

    def app(message, context):
        answer = Payload.from_records(honest(message, context).content)
        changed = Payload(
            parts.get("blocks", answer.blocks),
            {**answer.info, **parts.get("info", {})},
            {**answer.metrics, **parts.get("metrics", {})},
        )
        return Message(changed.to_records(), reply_to=message)

    return app


def asking(apps, *, min_nodes=1, route=None, grid=LocalGrid, **options):
    """A Dispatch over one app per Flower node; partitions are numbered from 0."""

    def app(message, context):
        return apps[context.node_id - 100](message, context)

    made = grid(app, [{}] * len(apps), {}, **options)
    route = route or {partition: 100 + partition for partition in range(len(apps))}
    return Dispatch(made, Events(), "fedbind", 0, 60.0, min_nodes, route)


def ask(dispatch, partitions=None, **options):
    wanted = dispatch.route if partitions is None else partitions
    return dispatch.ask(CONTRAST, {p: Payload(CURRENT) for p in wanted}, "contrast", 2, 5, **options)


def reasons(dispatch):
    return {entry["node"]: entry["reason"] for entry in dispatch.tally.skipped}


# --- honest nodes -----------------------------------------------------------------------------------------------------


def test_replies_come_by_partition_whatever_order_they_arrive_in():
    ways = (None, lambda replies: replies[::-1], lambda replies: replies[1:] + replies[:1])
    for order in ways:
        dispatch = asking([honest] * 4, order=order)
        replies = ask(dispatch)
        assert list(replies) == [0, 1, 2, 3]
        for partition, reply in replies.items():
            assert reply.blocks["encoder.gyroscope"]["w"].tolist() == [partition, 1 + partition, 2 + partition]
        (event,) = dispatch.events.named("round")
        assert event["node_losses"] == {"0": 0.0, "1": 1.0, "2": 2.0, "3": 3.0} and event["loss"] == 1.5
        assert event["nodes"] == {"ok": 4, "late": 0, "skipped": 0}
        assert (event["phase"], event["round"], event["rounds"]) == ("contrast", 2, 5)
        assert not dispatch.tally.skipped


def test_every_question_says_which_job_round_and_node_it_is_for():
    seen = []

    def app(message, context):
        seen.append((message.metadata.message_type, Payload.from_records(message.content).info))
        return honest(message, context)

    ask(asking([app, app]))
    assert seen == [
        ("train.contrast", {"method": "fedbind", "seed": 0, "phase": "contrast", "round": 2, "partition": p})
        for p in (0, 1)
    ]


def test_a_quiet_question_leaves_no_event_but_is_counted():
    dispatch = asking([honest])
    ask(dispatch, quiet=True)
    assert not dispatch.events and dispatch.tally.up and dispatch.tally.down


def test_codecs_are_undone_before_anything_is_looked_at():
    coded = {"encoder.gyroscope": encode({"w": np.arange(3, dtype=np.float32) + 1}, codecs_of(["delta", "int8"], 0.1),
                                         CURRENT["encoder.gyroscope"])}  # fmt: skip
    dispatch = asking([honest, lying(blocks=coded)])
    replies = ask(dispatch)
    assert replies[1].blocks["encoder.gyroscope"]["w"] == pytest.approx([1, 2, 3], abs=0.01) and not reasons(dispatch)


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"wire": np.arange(40, dtype=np.uint8)}, "encoder.gyroscope: not a coded block"),
        (
            encode({"w": np.ones(4, np.float32)}, codecs_of(["int8"], 0.1)),
            r"encoder.gyroscope/w: expected float32 \(3,\)",
        ),
        (encode({"w": np.full(3, np.nan, np.float32)}, codecs_of(["int8"], 0.1)), "holds NaN or infinity"),
        (encode({"w": np.full(3, 1e9, np.float32)}, codecs_of(["float16"], 0.1)), "holds NaN or infinity"),
    ],
    ids=["no coded block", "another shape", "NaN", "beyond half precision"],
)
def test_what_codecs_bring_passes_the_same_gate(sent, says):
    dispatch = asking([honest, lying(blocks={"encoder.gyroscope": sent})])
    gate = weights_gate(
        CURRENT, {key: {"encoder.gyroscope"} for key in dispatch.route}, dict.fromkeys(dispatch.route, 10)
    )
    assert list(ask(dispatch, check=gate)) == [0]
    assert re.search(says, reasons(dispatch)[1])


# --- one bad node of three --------------------------------------------------------------------------------------------


def raising(message, context):
    raise RuntimeError("no disk left")


def telling(message, context):
    return Message(Error(100, "node 1: the node's own words"), reply_to=message)


def endless(message, context):
    return Message(Error(100, "node 1: " + "x" * 10_000), reply_to=message)


def silent_error(message, context):
    return Message(Error(100, None), reply_to=message)


def not_a_payload(message, context):
    return Message(RecordDict({"other": ConfigRecord({"a": 1})}), reply_to=message)


NAN = {"encoder.gyroscope": {"w": np.array([np.nan, 0, 0], np.float32)}}
BAD = {
    "raises": (raising, "no disk left"),
    "sends an error": (telling, "the node's own words"),
    "sends an error without end": (endless, "x" * 150),
    "sends a name without end": (lying(blocks={"encoder." + "y" * 10_000: {"w": np.zeros(1)}}), "blocks differ"),
    "sends an error without a word": (silent_error, "no reason given"),
    "answers in another form": (not_a_payload, "unknown record"),
    "sends NaN": (lying(blocks=NAN), "NaN or infinity"),
    "claims minus 39": (lying(metrics={"examples": -39.0}), "claims -39 examples"),
    "claims 1e12": (lying(metrics={"examples": 1e12}), "claims 1e+12 examples"),
    "is a round behind": (lying(info={"round": 1}), "answers another question: round"),
    "speaks for another": (lying(info={"partition": 2}), "answers another question: partition"),
    "speaks for nobody": (lying(info={"partition": None}), "answers another question: partition"),
    "speaks for infinity": (lying(info={"partition": float("inf")}), "NaN or infinite"),
    "sends a block that may not leave": (
        lying(blocks={"windows.x": CURRENT["encoder.gyroscope"]}),
        "may not leave a node",
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("order", [None, lambda replies: replies[::-1]], ids=["in order", "reversed"])
def test_a_bad_node_costs_itself_the_round_with_its_reason(name, order):
    app, said = BAD[name]
    dispatch = asking([honest, app, honest], order=order)
    gate = weights_gate(CURRENT, {p: set(CURRENT) for p in range(3)}, {p: 50 for p in range(3)})
    replies = ask(dispatch, check=gate)
    assert list(replies) == [0, 2]
    assert list(reasons(dispatch)) == [1] and said in reasons(dispatch)[1] and len(reasons(dispatch)[1]) <= MOST_REASON
    assert not reasons(dispatch)[1].startswith("node 1: ")  # whose it is stands beside it
    (skip,) = dispatch.events.named("skip")
    assert skip == {"event": "skip", "node": 1, "phase": "contrast", "round": 2, "reason": reasons(dispatch)[1]}
    assert dispatch.events.named("round")[0]["nodes"] == {"ok": 2, "late": 0, "skipped": 1}
    assert dispatch.events.named("round")[0]["node_losses"] == {"0": 0.0, "2": 2.0}


def test_a_check_of_the_phase_s_own_may_refuse_too():
    def check(partition, reply):
        if partition == 1:
            raise ProtocolError("not as agreed")

    dispatch = asking([honest] * 3)
    assert list(ask(dispatch, check=check)) == [0, 2]
    assert reasons(dispatch) == {1: "not as agreed"}


def test_a_node_that_does_not_answer_is_late():
    dispatch = asking([honest] * 3, watch=lambda question, reply: None if reply.metadata.src_node_id == 101 else reply)
    assert list(ask(dispatch)) == [0, 2]
    assert reasons(dispatch) == {1: "late: no reply within 60 s"}
    assert dispatch.events.named("round")[0]["nodes"] == {"ok": 2, "late": 1, "skipped": 0}


class Twice(LocalGrid):
    """Every node's reply arrives twice."""

    def send_and_receive(self, messages, *, timeout=None):
        replies = super().send_and_receive(messages, timeout=timeout)
        return [*replies, *replies]


def test_an_answer_that_comes_twice_counts_once_and_is_told():
    dispatch = asking([honest] * 2, grid=Twice)
    replies = ask(dispatch)
    assert list(replies) == [0, 1]
    assert [entry["reason"] for entry in dispatch.tally.skipped] == ["answers twice"] * 2
    assert dispatch.events.named("round")[0]["nodes"] == {"ok": 2, "late": 0, "skipped": 0}


class Stranger(LocalGrid):
    """A reply to another server's question comes along."""

    def send_and_receive(self, messages, *, timeout=None):
        replies = list(super().send_and_receive(messages, timeout=timeout))
        replies[0].metadata.__dict__["_src_node_id"] = 999
        return replies


def test_a_reply_of_a_node_that_was_not_asked_is_refused():
    dispatch = asking([honest] * 2, grid=Stranger)
    assert list(ask(dispatch)) == [1]
    assert "answers for a node that was not asked" in [entry["reason"] for entry in dispatch.tally.skipped]
    assert reasons(dispatch)[0].startswith("late")


# --- several nodes on one host ----------------------------------------------------------------------------------------


def test_one_host_may_stand_for_several_nodes():
    dispatch = asking([honest, honest], route={0: 100, 1: 101, 2: 100})
    replies = ask(dispatch)
    assert [reply.metrics["loss"] for reply in replies.values()] == [0.0, 1.0, 2.0]


def failing_for(partition):
    def app(message, context):
        asked = Payload.from_records(message.content).info["partition"]
        return (
            Message(Error(100, f"node {asked}: broken"), reply_to=message)
            if asked == partition
            else honest(message, context)
        )

    return app


def test_an_error_of_a_host_is_put_down_to_the_node_that_it_names():
    dispatch = asking([failing_for(2), honest], route={0: 100, 1: 101, 2: 100})
    assert list(ask(dispatch)) == [0, 1]
    assert reasons(dispatch) == {2: "broken"}


@pytest.mark.parametrize(
    "told",
    [{"partition": 1}, {"partition": None}, {"partition": [0]}, {"partition": float("inf")}, {"partition": "x"}],
    ids=str,
)
def test_a_host_of_several_may_not_speak_for_others_nor_in_riddles(told):
    dispatch = asking([lying(info=told), honest], route={0: 100, 1: 101, 2: 100})
    assert list(ask(dispatch)) == [1]
    assert {"0", "2"} <= {str(entry["node"]) for entry in dispatch.tally.skipped}


def test_an_error_that_names_an_absurd_node_does_not_stop_the_round():
    def app(message, context):
        return Message(Error(100, "node " + "9" * 5000 + ": x"), reply_to=message)

    dispatch = asking([app, honest])
    assert list(ask(dispatch)) == [1]


# --- too few ----------------------------------------------------------------------------------------------------------


def test_fewer_good_replies_than_wanted_end_the_job_with_the_reasons():
    dispatch = asking([honest, raising, honest], min_nodes=3)
    with pytest.raises(UserError) as caught:
        ask(dispatch)
    text = str(caught.value)
    assert "2 of 3 nodes answered in phase contrast, round 2" in text
    assert "run.min_nodes = 3" in text and "node 1: " in text and "no disk left" in text and "fedbind, seed 0" in text
    assert dispatch.events.named("round")  # what happened is told before the end


def test_a_question_to_fewer_nodes_than_the_minimum_may_be_answered_by_all_of_them():
    assert list(ask(asking([honest] * 3, min_nodes=3), [1])) == [1]


def test_all_may_fail_where_that_is_allowed():
    assert ask(asking([raising] * 2), may_all_fail=True) == {}


# --- bytes ------------------------------------------------------------------------------------------------------------


def test_bytes_are_those_of_the_messages_and_add_up():
    seen = {"up": 0, "down": 0}

    def watch(question, reply):
        seen["down"] += count_bytes(question.content)
        seen["up"] += count_bytes(reply.content)
        return reply

    dispatch = asking([honest] * 3, watch=watch)
    ask(dispatch)
    dispatch.ask(CONTRAST, {0: Payload(CURRENT)}, "fine-tune")
    tally = dispatch.tally
    assert (tally.up, tally.down) == (seen["up"], seen["down"])
    for direction in ("up", "down"):
        total = getattr(tally, direction)
        assert total > 0
        assert sum(phase[direction] for phase in tally.by_phase.values()) == total
        assert sum(modality[direction] for modality in tally.by_modality.values()) == total
        assert sum(event[f"bytes_{direction}"] for event in dispatch.events.named("round")) == total
    assert set(tally.by_phase) == {"contrast", "fine-tune"}
    assert set(tally.by_modality) == {"gyroscope", "shared"}
    assert tally.by_modality["gyroscope"]["down"] >= 4 * 3 * 4  # four questions of three float32


def test_what_a_lying_node_sent_was_sent_all_the_same():
    assert asking([lying(blocks=NAN)]).tally.up == 0
    dispatch = asking([honest, lying(blocks=NAN)])
    ask(dispatch)
    assert dispatch.tally.up > 1.8 * count_bytes(Payload(CURRENT).to_records())


def test_a_tally_counts_each_direction_by_itself():
    tally = Tally()
    records = Payload({"embeddings.ecg": {"values": np.zeros((4, 8), np.float32)}}).to_records()
    size = tally.count("up", "embed", records)
    assert size == count_bytes(records) == tally.up and tally.down == 0
    assert tally.by_phase == {"embed": {"up": size, "down": 0}} and tally.by_modality == {
        "ecg": {"up": size, "down": 0}
    }
    assert tally.by_block == {"embed": {"embeddings.ecg": {"up": size, "down": 0}}}


def test_kinds_without_a_loss_have_none():
    def app(message, context):
        info = Payload.from_records(message.content).info
        return Message(Payload({}, {key: info[key] for key in ECHO}).to_records(), reply_to=message)

    dispatch = asking([app])
    dispatch.ask(EMBED, {0: Payload()}, "embed")
    assert dispatch.events.named("round")[0]["loss"] is None
