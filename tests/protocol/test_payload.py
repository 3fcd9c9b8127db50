"""What a message carries, through Flower's own serialisation and back; what is no plain array never arrives."""

import io
import pickle

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from flwr.common.serde import recorddict_from_proto, recorddict_to_proto
from flwr.proto.recorddict_pb2 import RecordDict as ProtoRecordDict
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from protocol.payload import Payload, ProtocolError, bytes_by_modality, count_bytes

DTYPES = ["float32", "float64", "float16", "int8", "int32", "int64", "uint8", "bool"]
NAME = st.text(min_size=1, max_size=12)
ARRAY = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3))
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def travelled(payload):
    """As it arrives: through Flower's protocol buffers and their bytes."""
    sent = recorddict_to_proto(payload.to_records()).SerializeToString()
    return Payload.from_records(recorddict_from_proto(ProtoRecordDict.FromString(sent)))


@given(
    st.dictionaries(NAME, st.dictionaries(NAME, ARRAY, min_size=1, max_size=3), max_size=3),
    st.dictionaries(NAME, JSON, max_size=3),
    st.dictionaries(NAME, st.floats(allow_nan=False), max_size=3),
)
def test_a_payload_arrives_as_it_was_sent(blocks, info, metrics):
    back = travelled(Payload(blocks, info, metrics))
    assert set(back.blocks) == set(blocks)
    for name, block in blocks.items():
        assert set(back.blocks[name]) == set(block)
        for key, array in block.items():
            arrived = back.blocks[name][key]
            assert arrived.dtype == array.dtype and arrived.shape == array.shape
            assert arrived.tobytes() == array.tobytes()  # NaN too: what a number is, is the gate's business
    assert back.info == info
    assert back.metrics == metrics


def test_a_view_of_an_array_arrives_as_the_view_is():
    turned = np.arange(12, dtype=np.float32).reshape(3, 4).T[::2]
    assert np.array_equal(travelled(Payload({"encoder.x": {"weight": turned}})).blocks["encoder.x"]["weight"], turned)


def test_an_empty_payload_is_no_record_at_all():
    assert len(Payload().to_records()) == 0
    assert travelled(Payload()) == Payload()


def array_of(data, dtype="float32", shape=(2,), stype="numpy.ndarray"):
    return RecordDict({"arrays:encoder.x": ArrayRecord({"weight": Array(dtype, shape, stype, data)})})


def test_an_object_array_is_refused_and_its_pickle_is_never_opened():
    opened = []

    class Trap:
        def __reduce__(self):
            return opened.append, ("opened",)

    buffer = io.BytesIO()
    np.save(buffer, np.array([Trap(), 1], dtype=object), allow_pickle=True)
    with pytest.raises(ProtocolError, match=r"arrays:encoder\.x/weight: not a plain array"):
        Payload.from_records(array_of(buffer.getvalue()))
    with pytest.raises(ProtocolError, match="not a plain array"):
        Payload.from_records(array_of(pickle.dumps(Trap())))
    assert not opened


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY", b"nonsense", b"\x93NUMPY\x01\x00\xff\xff"])
def test_bytes_that_are_no_array_are_refused(data):
    with pytest.raises(ProtocolError, match="not a plain array"):
        Payload.from_records(array_of(data))


@pytest.mark.parametrize("array", [np.array(["text"]), np.array([1j]), np.array(["2024-01-01"], dtype="datetime64[D]"),
                                   np.array([b"x"]), np.zeros(1, dtype=[("a", "f4")])])  # fmt: skip
def test_arrays_of_other_things_than_numbers_do_not_travel(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    with pytest.raises(ProtocolError, match="do not travel"):
        Payload.from_records(array_of(buffer.getvalue()))


@pytest.mark.parametrize(
    "record",
    [
        {"info": ConfigRecord({"json": "{half"})},
        {"info": ConfigRecord({"json": "[1]"})},
        {"info": ConfigRecord({"json": 3})},
        {"info": ConfigRecord({"other": "{}"})},
        {"info": ConfigRecord({"json": b"\xff"})},
        {"info": ConfigRecord({"json": '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"})},
        {"info": MetricRecord({"json": 1.0})},
        {"metrics": ConfigRecord({"loss": "1"})},
        {"metrics": MetricRecord({"loss": [1.0, 2.0]})},
        {"metrics": MetricRecord({"loss": 10**400})},
        {"arrays:x": MetricRecord({"a": 1.0})},
        {"weights": ArrayRecord({"a": Array(np.zeros(1))})},
    ],
    ids=["half JSON", "a list", "a number", "another key", "bytes", "deep JSON", "numbers as info", "text as numbers",
         "lists as numbers", "a number beyond a float", "numbers as arrays", "another name"],
)  # fmt: skip
def test_records_of_another_make_are_refused(record):
    with pytest.raises(ProtocolError):
        Payload.from_records(RecordDict(record))


def test_a_refusal_names_the_place_and_quotes_no_content():
    name = "arrays:" + "x" * 200
    with pytest.raises(ProtocolError) as caught:
        Payload.from_records(RecordDict({name: MetricRecord({"secret": 42.5})}))
    assert len(str(caught.value)) < 120 and "42.5" not in str(caught.value)


def test_bytes_add_up_over_modalities_and_never_fall_short_of_the_arrays():
    records = Payload(
        {
            "encoder.gyroscope": {"w": np.zeros((5, 7), np.float32)},
            "projection.gyroscope": {"w": np.zeros(3, np.float32)},
            "encoder.skeleton": {"w": np.zeros(11, np.float64)},
            "pairs": {"handle": np.zeros(2, np.int64)},
        },
        {"round": 1},
        {"loss": 0.5},
    ).to_records()
    by_modality = bytes_by_modality(records)
    assert set(by_modality) == {"gyroscope", "skeleton", "shared"}
    assert sum(by_modality.values()) == count_bytes(records)
    assert 4 * (35 + 3) < by_modality["gyroscope"] < 4 * (35 + 3) + 600  # two arrays' headers and names
    assert by_modality["skeleton"] > 8 * 11


@given(st.integers(0, 2000))
def test_bytes_grow_with_every_number(count):
    def size(n):
        return count_bytes(Payload({"encoder.x": {"w": np.zeros(n, np.float32)}}).to_records())

    assert size(count + 16) - size(count) == pytest.approx(64, abs=2)  # the shape itself takes a digit more


def test_what_travels_beside_a_block_is_of_its_modality():
    records = Payload({"control.encoder.ecg": {"w": np.zeros(4)}, "encoder.ecg": {"w": np.zeros(4)}}).to_records()
    assert set(bytes_by_modality(records)) == {"ecg"}
