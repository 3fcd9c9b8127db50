"""The admission gate: every way in which a reply can lie costs it the round."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.kinds import CONTRAST, EMBED
from protocol.limits import MOST_SAMPLES_PER_NODE, MOST_WEIGHT_NORM
from protocol.manifest import Manifest, ModalityManifest
from protocol.payload import Payload, ProtocolError
from server.admission import (
    check_block,
    check_progress,
    check_reply,
    check_weights,
    embeddings_gate,
    steps_gate,
    weights_gate,
)

CURRENT = {
    "encoder.gyroscope": {"weight": np.ones((2, 3), np.float32), "bias": np.zeros(2, np.float32)},
    "projection.gyroscope": {"weight": np.ones(4, np.float32)},
    "encoder.skeleton": {"weight": np.ones(5, np.float32)},
}
EXPECTED = {"encoder.gyroscope", "projection.gyroscope"}
ECHO = {"method": "fedbind", "seed": 0, "phase": "contrast", "round": 3, "partition": 1}
QUESTION = Payload({}, ECHO)
MANIFEST_SAMPLES = 50


def reply(**changes):
    blocks = {name: {key: value.copy() for key, value in CURRENT[name].items()} for name in EXPECTED}
    return replace(Payload(blocks, dict(ECHO), {"examples": 40.0, "loss": 0.5}), **changes)


def judge(answer, kind=CONTRAST):
    check_reply(kind, QUESTION, answer)
    check_weights(CURRENT, EXPECTED, answer, MANIFEST_SAMPLES)


def with_array(name, key, value):
    answer = reply()
    answer.blocks[name][key] = value
    return answer


def test_an_honest_reply_passes():
    judge(reply())
    judge(reply(metrics={"examples": 0.0, "loss": 0.5}))  # it trained on nothing: of weight 0, and no lie
    judge(reply(metrics={"examples": float(MANIFEST_SAMPLES), "loss": 1e9}))


LIES = {
    "NaN": (with_array("encoder.gyroscope", "bias", np.array([0, np.nan], np.float32)), "NaN or infinity"),
    "infinity": (with_array("projection.gyroscope", "weight", np.full(4, np.inf, np.float32)), "NaN or infinity"),
    "another shape": (with_array("encoder.gyroscope", "weight", np.ones((3, 2), np.float32)), "expected float32 (2, 3)"),
    "a shape that would stretch": (with_array("encoder.gyroscope", "bias", np.ones(1, np.float32)), "got float32 (1,)"),
    "another type": (with_array("encoder.gyroscope", "bias", np.zeros(2, np.float64)), "got float64"),
    "whole numbers": (with_array("encoder.gyroscope", "bias", np.zeros(2, np.int32)), "got int32"),
    "a tensor too many": (with_array("encoder.gyroscope", "more", np.zeros(1, np.float32)), "tensor names differ"),
    "a tensor renamed": (reply(blocks={**reply().blocks, "projection.gyroscope": {"w": np.ones(4, np.float32)}}), "names differ"),
    "no tensor": (reply(blocks={**reply().blocks, "projection.gyroscope": {}}), "tensor names differ"),
    "a block too few": (reply(blocks={"encoder.gyroscope": CURRENT["encoder.gyroscope"]}), "missing ['projection.gyroscope']"),
    "a block too many": (reply(blocks={**reply().blocks, "encoder.skeleton": CURRENT["encoder.skeleton"]}),
                         "not asked for ['encoder.skeleton']"),
    "a block that may not leave": (reply(blocks={**reply().blocks, "head.fusion": {"w": np.ones(1)}}), "may not leave"),
    "a huge norm": (with_array("projection.gyroscope", "weight", np.full(4, 0.6 * MOST_WEIGHT_NORM, np.float32)), "norm"),
    "a norm beyond float32": (with_array("projection.gyroscope", "weight", np.full(4, 3e38, np.float32)), "norm"),
    "minus 39 examples": (reply(metrics={"examples": -39.0}), "claims -39 examples"),
    "ten to the twelve examples": (reply(metrics={"examples": 1e12}), "claims 1e+12 examples"),
    "half an example": (reply(metrics={"examples": 2.5}), "claims 2.5 examples"),
    "NaN examples": (reply(metrics={"examples": float("nan")}), "NaN or infinite"),
    "infinitely many examples": (reply(metrics={"examples": float("inf")}), "NaN or infinite"),
    "more than its manifest": (reply(metrics={"examples": 51.0}), "its manifest said 50"),
    "no count of examples": (reply(metrics={"loss": 0.5}), "examples"),
    "a NaN loss": (reply(metrics={"examples": 40.0, "loss": float("nan")}), "NaN or infinite"),
    "another round": (reply(info={**ECHO, "round": 2}), "answers another question: round is '2'"),
    "another phase": (reply(info={**ECHO, "phase": "autoencoder"}), "phase is 'autoencoder'"),
    "another node": (reply(info={**ECHO, "partition": 2}), "partition is '2'"),
    "another method": (reply(info={**ECHO, "method": "upper_bound"}), "method is"),
    "another seed": (reply(info={**ECHO, "seed": 1}), "seed is '1'"),
    "no echo": (reply(info={}), "answers another question"),
    "further info": (reply(info={**ECHO, "subject": "s1"}), "may not leave"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_refused_by_its_name(name):
    answer, said = LIES[name]
    with pytest.raises(ProtocolError) as caught:
        judge(answer)
    assert said in str(caught.value)


def test_a_count_is_bounded_also_where_no_weights_come():
    for lie in (-39.0, 0.5, MOST_SAMPLES_PER_NODE + 1.0):
        with pytest.raises(ProtocolError, match="claims"):
            check_reply(CONTRAST, QUESTION, Payload({}, ECHO, {"examples": lie}))
    check_reply(EMBED, QUESTION, Payload({}, ECHO))  # kinds that count nothing need no count


def test_the_norm_is_of_the_whole_block_and_the_limit_itself_is_allowed():
    current = {"a": np.zeros(1, np.float64), "b": np.zeros(1, np.float64)}
    check_block("x", current, {"a": np.array([0.6 * MOST_WEIGHT_NORM]), "b": np.array([0.79 * MOST_WEIGHT_NORM])})
    with pytest.raises(ProtocolError, match="norm"):
        check_block("x", current, {"a": np.array([0.8 * MOST_WEIGHT_NORM]), "b": np.array([0.8 * MOST_WEIGHT_NORM])})


def test_a_round_s_gate_judges_every_node_by_its_own_blocks_and_samples():
    check = weights_gate(CURRENT, {1: EXPECTED, 2: {"encoder.skeleton"}}, {1: 40, 2: 39})
    skeleton = reply(blocks={"encoder.skeleton": CURRENT["encoder.skeleton"]})
    check(1, reply())
    with pytest.raises(ProtocolError, match="blocks differ"):
        check(2, reply())
    with pytest.raises(ProtocolError, match="its manifest said 39"):
        check(2, skeleton)
    with pytest.raises(ProtocolError, match="blocks differ"):
        check(1, skeleton)


@given(st.floats())
def test_only_whole_counts_within_the_manifest_pass(examples):
    honest = 0 <= examples <= MANIFEST_SAMPLES and examples == round(examples)
    try:
        judge(reply(metrics={"examples": examples}))
        passed = True
    except ProtocolError:
        passed = False
    assert passed == honest


# --- fine-tuning ------------------------------------------------------------------------------------------------------


def progress(losses=(0.9, 0.5), correct=(1, 2), **metrics):
    info = {"losses": list(losses), "validation_correct": list(correct)}
    return Payload({}, info, {"examples": 6.0, "validation_examples": 4.0, "loss": 0.5, **metrics})


def test_honest_progress_passes():
    check_progress(progress(), 2, True, 10)
    check_progress(progress(correct=(), validation_examples=0.0), 2, False, 10)
    check_progress(progress(correct=(0, 4)), 2, True, 10)


@pytest.mark.parametrize(
    ("answer", "leaves_out", "said"),
    [
        (progress(losses=(0.9,)), True, "2 losses"),
        (progress(losses=(0.9, "low")), True, "2 losses"),
        (progress(losses=(0.9, None)), True, "2 losses"),
        (progress(losses=(0.9, [0.5])), True, "2 losses"),
        (replace(progress(), info={"losses": {"0": 1}, "validation_correct": [1, 2]}), True, "2 losses"),
        (replace(progress(), info={}), True, "2 losses"),
        (progress(correct=(1,)), True, "what is right among 4"),
        (progress(correct=()), True, "what is right among 4"),
        (progress(correct=(1, 2)), False, "what is right"),
        (progress(correct=(1, 5)), True, "what is right among 4"),
        (progress(correct=(1, -1)), True, "what is right among 4"),
        (progress(correct=(1, "2")), True, "what is right among 4"),
        (progress(examples=7.0), True, "its manifest said 10"),
        (progress(validation_examples=-1.0), True, "its manifest said 10"),
        (replace(progress(), metrics={"examples": 6.0}), True, "its manifest said 10"),
        (replace(progress(), metrics={"validation_examples": 4.0}), True, "its manifest said 10"),
    ],
)
def test_impossible_progress_is_refused(answer, leaves_out, said):
    with pytest.raises(ProtocolError, match=said):
        check_progress(answer, 2, leaves_out, 10)


# --- embeddings -------------------------------------------------------------------------------------------------------

SENSORS = {
    "acc": ModalityManifest("inertial", 16, 3, 50.0, 4),
    "ecg": ModalityManifest("physiological", 16, 1, 50.0, 3),
}
MANIFESTS = {p: Manifest(p, "a", 4, 4, SENSORS, ["x"], True, "", 0, "") for p in (0, 1)}
HELD = {0: np.array([7, 8]), 1: np.array([1, 2, 3, 4])}


def embeddings(handles=(1, 2, 4), width=5, name="targets.acc"):
    rows = np.eye(max(len(handles), width), dtype=np.float32)[: len(handles), :width]
    return {name: {"handles": np.array(handles, dtype=np.int64), "values": rows}}


def test_embeddings_of_the_node_s_own_samples_pass():
    embeddings_gate(5, MANIFESTS, HELD)(1, Payload(embeddings()))
    embeddings_gate(5, MANIFESTS, {})(1, Payload(embeddings((11, 12))))  # nobody is known yet
    embeddings_gate(5, MANIFESTS, HELD, {1: np.array([1, 2, 4])})(
        1, Payload({**embeddings(), **embeddings((4,), name="targets.ecg")})
    )


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ({}, "its manifest said"),
        (embeddings(name="targets.smell"), "targets.smell"),
        (embeddings(width=4), "4 numbers, expected 5"),
        (embeddings((1, 2, 3, 4, 5)), "5 embeddings, its manifest said 4"),
        (embeddings((1, 3)), "not asked for"),
        (embeddings((1, 7)), "not asked for"),
        ({"targets.acc": {"values": np.eye(5, dtype=np.float32)}}, "one handle for each row"),
    ],
    ids=["nothing", "another sensor", "narrow", "too many", "not asked for", "another node's", "no handles"],
)
def test_embeddings_out_of_form_are_refused(blocks, said):
    with pytest.raises(ProtocolError, match=said):
        embeddings_gate(5, MANIFESTS, HELD, {1: np.array([1, 2, 4])})(1, Payload(blocks))


def test_nobody_speaks_for_another_node_s_samples():
    with pytest.raises(ProtocolError, match="handles of another node"):
        embeddings_gate(5, MANIFESTS, HELD)(1, Payload(embeddings((1, 8))))
    embeddings_gate(5, MANIFESTS, HELD)(0, Payload(embeddings((7, 8))))


RATE = 0.25  # of the round


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"steps": 1e300}, "claims 1e+300 steps"), ({"steps": 201.0}, "claims 201 steps"), ({"steps": -1.0}, "steps"),
        ({"steps": 1.5}, "steps"), ({"rate": 1e-300}, "claims a rate of 1e-300"), ({"rate": 0.5}, "rate"),
        ({"rate": -RATE}, "rate"),
    ],
)  # fmt: skip
def test_steps_that_nobody_can_have_taken_and_another_rate_are_refused(told, said):
    gate = steps_gate(lambda partition, reply: None, RATE, 2, {1: MANIFEST_SAMPLES})  # 2 passes over 50 samples, twice
    gate(1, Payload({}, {}, {"steps": 200.0, "rate": RATE}))
    gate(1, Payload({}, {}, {}))
    with pytest.raises(ProtocolError) as refused:
        gate(1, Payload({}, {}, told))
    assert said in str(refused.value)


def test_the_gate_of_steps_is_one_behind_another():
    with pytest.raises(ProtocolError, match="blocks differ"):
        steps_gate(weights_gate(CURRENT, {1: EXPECTED}, {1: 50}), RATE, 1, {1: 50})(1, reply(blocks={}))


@pytest.mark.filterwarnings("error")
def test_a_norm_beyond_single_precision_is_refused_without_a_warning():
    with pytest.raises(ProtocolError, match="norm"):
        check_block("w", {"w": np.ones(4, np.float32)}, {"w": np.full(4, 3e38, np.float32)})


def test_a_node_that_chooses_must_send_something_and_nothing_else():
    one = reply()
    one = replace(one, blocks={"encoder.gyroscope": one.blocks["encoder.gyroscope"]})
    check_weights(CURRENT, EXPECTED, one, MANIFEST_SAMPLES, some_suffice=True)
    with pytest.raises(ProtocolError, match="missing"):
        check_weights(CURRENT, EXPECTED, one, MANIFEST_SAMPLES)
    for blocks in ({}, {"encoder.skeleton": CURRENT["encoder.skeleton"]}):
        with pytest.raises(ProtocolError, match="blocks differ"):
            check_weights(CURRENT, EXPECTED, replace(one, blocks=blocks), MANIFEST_SAMPLES, some_suffice=True)
