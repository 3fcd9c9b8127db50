"""A block's bytes on the wire and back; what is owed; what a receiver answers to bytes that nobody made."""

import contextlib
import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from protocol.codecs import codecs_of
from protocol.payload import ProtocolError
from protocol.wire import TENSOR, Known, decode, encode, encode_owing, is_packed, named_only, pack

F32 = np.float32
BASE = {
    "conv.weight": np.linspace(-1, 1, 640, dtype=F32).reshape(10, 64),
    "conv.bias": np.zeros(10, F32),
    "seen": np.array(7),
}
NEXT = {**BASE, "conv.weight": BASE["conv.weight"] + F32(0.01), "conv.bias": np.full(10, 0.5, F32), "seen": np.array(8)}
LISTS = [[], ["bf16"], ["float16"], ["int8"], ["delta"], ["delta", "int8"], ["delta", "top_k"], ["delta", "top_k", "bf16"],
         ["delta", "top_k", "int8"]]  # fmt: skip


def size(block):
    return sum(array.nbytes for array in block.values())


@pytest.mark.parametrize("names", LISTS, ids="+".join)
def test_a_block_comes_back_through_every_list(names):
    codecs = codecs_of(names, 0.99)
    sent = encode(NEXT, codecs, BASE)
    assert is_packed(sent) == bool(names)
    back, keep = decode("encoder.x", sent, BASE) if names else (sent, "")
    assert back.keys() == NEXT.keys() and keep == "" and back["seen"] == 8 and back["seen"].shape == ()
    for key, value in NEXT.items():
        assert back[key].dtype == value.dtype and back[key].shape == value.shape
        assert np.abs(back[key] - value).max() < 0.02


def test_what_has_no_base_goes_whole_past_the_codecs_that_need_one():
    for base in (None, {"conv.weight": BASE["conv.weight"]}):
        sent = encode(NEXT, codecs_of(["delta", "top_k", "int8"], 0.01), base)
        assert np.abs(decode("encoder.x", sent)[0]["conv.weight"] - NEXT["conv.weight"]).max() < 1.01 / 254
    assert encode(NEXT, codecs_of(["delta", "top_k"], 0.01)) is NEXT


def test_one_run_of_bytes_is_hardly_longer_than_its_numbers():
    sent = encode(NEXT, codecs_of(["int8"], 0.1))
    assert size(sent) < 650 + 4 * 11 + 8 + 200
    sparse = encode(NEXT, codecs_of(["delta", "top_k", "int8"], 0.1), BASE)
    assert size(sparse) < 2 * 66 + 8 + 250


def test_weights_that_did_not_change_are_named_and_nothing_else_travels():
    sent = named_only("abc")
    back, keep = decode("encoder.x", sent, held=Known("abc", BASE))
    assert keep == "abc" and all(np.array_equal(back[key], value) for key, value in BASE.items()) and size(sent) < 80


def test_a_difference_names_what_it_is_of_and_as_what_the_sum_is_kept():
    sent = encode(NEXT, codecs_of(["delta", "int8"], 0.1), BASE, "old", "new")
    back, keep = decode("encoder.x", sent, held=Known("old", BASE))
    assert keep == "new" and np.abs(back["conv.weight"] - NEXT["conv.weight"]).max() < 1e-4
    for held in (None, Known("other", BASE)):
        with pytest.raises(ProtocolError, match=r"^encoder\.x: a difference to weights that are not held here"):
            decode("encoder.x", sent, held=held)


# --- what is owed -----------------------------------------------------------------------------------------------------

STEPS = st.lists(hnp.arrays(F32, (3, 40), elements=st.floats(-8, 8, width=16)), min_size=1, max_size=6)


@given(STEPS, st.sampled_from([["delta", "top_k"], ["delta", "top_k", "int8"], ["delta", "int8"], ["delta", "bf16"]]))
def test_what_was_sent_and_what_is_owed_add_up_to_what_was_to_be_sent(steps, names):
    codecs = codecs_of(names, 0.05)
    base = {"w": np.zeros((3, 40), F32)}
    arrived, owed = np.zeros((3, 40)), None
    for step in steps:
        sent, owed = encode_owing({"w": step}, codecs, base, owed)
        arrived += decode("encoder.x", sent, base)[0]["w"]
    assert np.allclose(arrived + owed["w"], np.sum(steps, axis=0, dtype=float), atol=1e-4)


def test_what_top_k_left_out_goes_when_it_has_grown():
    """By hand: of three numbers one travels; the second is owed twice and then the largest."""
    codecs, base = codecs_of(["delta", "top_k"], 0.3), {"w": np.zeros(3, F32)}
    step = {"w": np.array([1.0, 0.75, 0.0], F32)}
    sent, owed = encode_owing(step, codecs, base, None)
    assert decode("encoder.x", sent, base)[0]["w"].tolist() == [1.0, 0.0, 0.0] and owed["w"].tolist() == [
        0.0,
        0.75,
        0.0,
    ]
    sent, owed = encode_owing(step, codecs, base, owed)
    assert decode("encoder.x", sent, base)[0]["w"].tolist() == [0.0, 1.5, 0.0] and owed["w"].tolist() == [1.0, 0.0, 0.0]


def test_nothing_is_owed_where_no_difference_is_taken():
    for names, base in ((["int8"], BASE), ([], BASE), (["delta", "int8"], None)):
        assert encode_owing(NEXT, codecs_of(names, 0.1), base, None)[1] is None


def test_what_is_owed_of_other_tensors_is_dropped():
    _sent, owed = encode_owing(NEXT, codecs_of(["delta", "int8"], 0.1), BASE, {"other": np.ones(3, F32)})
    assert owed.keys() == NEXT.keys() and np.abs(owed["conv.weight"]).max() < 1e-4


# --- bytes that nobody made -------------------------------------------------------------------------------------------


def made(head, body=b"", start=b"FBW1"):
    text = head if isinstance(head, bytes) else zlib.compress(json.dumps(head).encode())
    return {TENSOR: np.frombuffer(start + len(text).to_bytes(4, "little") + text + body, np.uint8)}


def with_arrays(*arrays, codecs=()):
    return {"codecs": list(codecs), "arrays": [list(each) for each in arrays]}


GOOD = with_arrays(("w", "f4", [2]))


@pytest.mark.parametrize(
    ("packed", "says"),
    [
        ({TENSOR: np.zeros(3, F32)}, "not a coded block"),
        ({TENSOR: np.zeros((2, 9), np.uint8)}, "not a coded block"),
        ({TENSOR: np.zeros(0, np.uint8)}, "not a coded block"),
        (made(GOOD, bytes(8), b"FBW2"), "not a coded block"),
        (made(b"no zlib"), "head of a coded block cannot be read"),
        (made(zlib.compress(b"{half")), "head of a coded block cannot be read"),
        (made(zlib.compress(b'{"arrays": "' + b"x" * (1 << 21) + b'"}')), "head of a coded block cannot be read"),
        (made([]), "head of a coded block cannot be read"),
        (made({"arrays": []}), "head of a coded block cannot be read"),
        (made(with_arrays(("w", "f4"))), "head of a coded block cannot be read"),
        (made(with_arrays(("w", "O8", [1])), bytes(8)), "names other things"),
        (made(with_arrays(("w", "f4", [-2, -1])), bytes(8)), "names other things"),
        (made(with_arrays(("w", "f4", [2.0])), bytes(8)), "names other things"),
        (made({**GOOD, "codecs": "delta"}, bytes(8)), "names other things"),
        (made({**GOOD, "codecs": ["int8"] * 9}, bytes(8)), "names other things"),
        (made(GOOD, bytes(7)), "not as many as its head says"),
        (made(GOOD, bytes(9)), "not as many as its head says"),
        (made(with_arrays(("w", "f4", [10**12]))), "not as many as its head says"),
        (made(with_arrays(("w", "f4", [1]), ("w", "f4", [1])), bytes(8)), "twice"),
        (made(with_arrays(("w", "f4", [1] * 40)), bytes(4)), "too many axes"),
        (made({**GOOD, "codecs": ["gzip"]}, bytes(8)), "unknown codec 'gzip'"),
        (made({**GOOD, "codecs": ["delta"]}, bytes(8)), "a difference to weights"),
        (made(with_arrays(("w|int8", "i1", [2]), codecs=["int8"]), bytes(2)), "scale is missing"),
        (made({**GOOD, "of": "x"}, bytes(8)), "not held here"),
    ],
)
def test_one_clear_message_answers_bytes_that_cannot_be_read(packed, says):
    with pytest.raises(ProtocolError, match=says) as caught:
        decode("encoder.x", packed)
    assert (
        str(caught.value).startswith("encoder.x: ") and "\n" not in str(caught.value) and len(str(caught.value)) < 160
    )


@given(st.data())
def test_a_flipped_byte_gives_a_block_or_a_message_and_nothing_else(data):
    sent = pack({"w|int8": np.ones((2, 64), np.int8), "w|scale": np.ones(2, F32)}, codecs_of(["int8"], 0.1))[
        TENSOR
    ].copy()
    sent[data.draw(st.integers(0, len(sent) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(ProtocolError):
        decode("encoder.x", {TENSOR: sent})
