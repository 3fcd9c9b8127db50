"""Arrays in Flower's form: numpy's own save and load are the slow twin, byte by byte; what would unpickle is refused."""

import io

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from protocol.arrays import filled, packed, plainly, unpacked

ARRAYS = hnp.arrays(
    st.sampled_from(["float32", "float64", "float16", "int64", "int8", "uint8", "bool", ">f4"]),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


@given(ARRAYS)
def test_the_bytes_are_those_of_flowers_own_way_and_come_back_writable(array):
    ours, theirs = packed(array), Array(np.asarray(array, order="C"))
    assert (ours.dtype, ours.shape, ours.stype, ours.data) == (theirs.dtype, theirs.shape, theirs.stype, theirs.data)
    back = unpacked(ours)
    assert back.dtype == array.dtype and back.shape == array.shape and back.flags.writeable
    np.testing.assert_array_equal(back, array)


def test_shared_memory_and_other_orders_are_read_too():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    data = np.frombuffer(packed(array).data, dtype=np.uint8)
    np.testing.assert_array_equal(unpacked(plainly("float32", (2, 3), "numpy.ndarray", data.data)), array)
    np.testing.assert_array_equal(unpacked(packed(array.T)), array.T)
    stream = io.BytesIO()
    np.save(stream, np.asfortranarray(array))
    np.testing.assert_array_equal(unpacked(Array("float32", (2, 3), "numpy.ndarray", stream.getvalue())), array)


def test_objects_short_arrays_and_other_forms_are_refused():
    stream = io.BytesIO()
    np.save(stream, np.array([{}], dtype=object), allow_pickle=True)
    whole = packed(np.arange(6.0)).data
    for data in (stream.getvalue(), whole[:-1], whole[:20], b"", b"no array"):
        with pytest.raises((ValueError, EOFError)):
            unpacked(Array("object", (1,), "numpy.ndarray", data))
    with pytest.raises(TypeError):
        unpacked(Array("float64", (6,), "pickle", whole))


def test_filled_records_are_what_flower_makes_of_the_same_values():
    arrays = {"weight": packed(np.ones(3, np.float32))}
    assert filled(ArrayRecord(), arrays) == ArrayRecord(arrays)
    assert filled(ConfigRecord(), {"json": "{}"}) == ConfigRecord({"json": "{}"})
