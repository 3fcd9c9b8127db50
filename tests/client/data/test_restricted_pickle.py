"""The reader of pickles from strangers: plain data comes back as it was, everything else is refused by name."""

import pickle
from collections import OrderedDict
from pathlib import PurePosixPath

import numpy as np
import pytest

from client.data.restricted_pickle import RefusedPickle, read_plain_pickle


def read(tmp_path, content):
    path = tmp_path / "some.pkl"
    path.write_bytes(content)
    return read_plain_pickle(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_of_every_protocol_comes_back_as_it_was(tmp_path, protocol):
    arrays = {
        "doubles": np.arange(6.0).reshape(2, 3),
        "by column, big-endian": np.asfortranarray(np.arange(6, dtype=">i2").reshape(2, 3)),
        "text": np.array(["ab", "cde"]),
        "nothing": np.zeros((0, 3), np.float32),
        "flags": np.array([True, False]),
        "scalar": np.float32(3.5),
    }
    plain = {"subject": "S2", "bytes": b"\xff\x00", "list": [1, 2.5, None, True, (3, "µ")]}
    content = read(tmp_path, pickle.dumps({**arrays, **plain}, protocol))
    for key, array in arrays.items():
        np.testing.assert_array_equal(np.asarray(content[key]), array)
        assert np.asarray(content[key]).dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    assert {key: content[key] for key in plain} == plain


def test_what_python_2_wrote_is_read(tmp_path):
    raw = np.array([1.5, -2.0]).tobytes()
    text = b"S" + repr(raw).encode()[1:] + b"\n"  # the bytes of the array as a Python 2 str
    content = (
        b"(dp0\nS'label'\np1\ncnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\nt"
        b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n" + text + b"tbs."
    )
    np.testing.assert_array_equal(np.asarray(read(tmp_path, content)["label"]), [1.5, -2.0])


class Malicious:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def test_a_malicious_pickle_is_refused_by_name_and_does_nothing(tmp_path):
    import os

    mark = tmp_path / "mark"
    content = pickle.dumps({"label": Malicious(os.system, f"touch {mark}")})
    with pytest.raises(RefusedPickle, match=r"the global posix\.system"):
        read(tmp_path, content)
    with pytest.raises(RefusedPickle, match=r"the global os\.system"):
        read(tmp_path, b"cos\nsystem\n(S'touch " + str(mark).encode() + b"'\ntR.")
    with pytest.raises(RefusedPickle, match=r"the global builtins\.eval"):
        read(tmp_path, pickle.dumps(Malicious(eval, "1")))
    assert not mark.exists()


@pytest.mark.parametrize(
    "value",
    [
        np.array([1, "a"], dtype=object),
        np.zeros(2, dtype=[("a", "i4")]),
        np.array(["2020"], dtype="M8[D]"),
        OrderedDict(a=1),
        PurePosixPath("a"),
        print,
        np.ndarray,
        np.load,
    ],
)
@pytest.mark.parametrize("protocol", [2, 5])
def test_whatever_is_no_plain_data_is_refused(tmp_path, value, protocol):
    if value is np.ndarray:
        value = Malicious(np.ndarray, (4,))
    with pytest.raises(RefusedPickle):
        read(tmp_path, pickle.dumps(value, protocol))


def test_an_array_larger_than_its_bytes_is_refused(tmp_path):
    content = pickle.dumps(np.arange(4, dtype=np.int32), 2)
    assert content.count(b"K\x04\x85") == 1  # the shape (4,)
    with pytest.raises(RefusedPickle, match="malformed"):
        read(tmp_path, content.replace(b"K\x04\x85", b"K\xff\x85"))


def test_the_allowed_functions_cannot_be_changed_by_the_pickle(tmp_path):
    for name in (b"_reconstruct", b"scalar"):
        state = b"}S'__doc__'\nS'changed'\ns"
        with pytest.raises(RefusedPickle):
            read(tmp_path, b"cnumpy.core.multiarray\n" + name + b"\n" + state + b"b.")
        with pytest.raises(RefusedPickle):
            read(tmp_path, b"cnumpy.core.multiarray\n" + name + b"\n(N" + state + b"tb.")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04", pickle.dumps(list(range(99)))[:-3], b"\x80\xff."])
def test_a_file_that_is_no_pickle_is_an_unpickling_error(tmp_path, content):
    with pytest.raises(pickle.UnpicklingError):
        read(tmp_path, content)
