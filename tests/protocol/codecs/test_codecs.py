"""Each codec on hand-worked arrays, then within its stated bound on whatever hypothesis finds."""

import typing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from configs.wire_settings import Codec as CodecName
from protocol.codecs import CODECS, codecs_of, decoded, encoded, named
from protocol.codecs.bf16 import Bf16
from protocol.codecs.delta import Delta
from protocol.codecs.float16 import Float16
from protocol.codecs.int8 import Int8, row_length
from protocol.codecs.top_k import TopK, gaps_of, largest, places_of
from protocol.payload import ProtocolError

F32 = np.float32
NUMBER = st.floats(-(2.0**99), 2.0**99, width=32)
TENSOR = hnp.arrays(F32, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5), elements=NUMBER)
PLAIN = {
    "handles": np.array([5, 9]), "counts": np.array([3.0, 4.0]), "half": np.ones(2, np.float16), "flag": np.array([True]),
    "none": np.zeros((0, 3), F32), "number": np.array(2.5, F32),
}  # fmt: skip


def there_and_back(codec, block, base=None):
    return codec.decode(codec.encode(block, base), base)


def test_a_configuration_can_name_every_codec_there_is():
    assert set(typing.get_args(CodecName)) == set(CODECS)
    assert [codec.name for codec in codecs_of(list(CODECS), 0.2)] == list(CODECS)
    with pytest.raises(ProtocolError, match="unknown codec 'zip'; known here: delta, top_k, float16, bf16, int8"):
        named(["zip"])


@pytest.mark.parametrize("codec", [Delta(), TopK(0.1), Float16(), Bf16(), Int8()], ids=lambda codec: codec.name)
def test_whatever_is_no_32_bit_tensor_passes_as_it_is(codec):
    sent = codec.encode(PLAIN, PLAIN)
    assert sent.keys() == PLAIN.keys() and all(sent[key] is value for key, value in PLAIN.items())
    assert all(np.array_equal(codec.decode(sent, PLAIN)[key], value) for key, value in PLAIN.items())


# --- delta ------------------------------------------------------------------------------------------------------------


def test_delta_sends_differences():
    base, value = {"w": np.array([1.0, 2.0], F32)}, {"w": np.array([1.5, 1.0], F32)}
    assert Delta().encode(value, base)["w"].tolist() == [0.5, -1.0]
    assert there_and_back(Delta(), value, base)["w"].tolist() == [1.5, 1.0]


@pytest.mark.parametrize("base", [None, {}, {"v": np.zeros(2, F32)}, {"w": np.zeros(3, F32)}, {"w": np.zeros(2)}],
                         ids=["no base", "nothing in it", "another name", "another shape", "another type"])  # fmt: skip
def test_a_difference_to_something_else_is_refused(base):
    for way in (Delta().encode, Delta().decode):
        with pytest.raises(ProtocolError, match="a difference to weights"):
            way({"w": np.zeros(2, F32)}, base)


@given(TENSOR, st.floats(-(2.0**99), 2.0**99, width=32))
def test_delta_loses_rounding_alone(value, shift):
    base = {"w": (value * F32(0.3) + F32(shift)).astype(F32)}
    back = there_and_back(Delta(), {"w": value}, base)["w"]
    wide = value.astype(np.float64)
    bound = 2.0**-24 * (np.abs(wide - base["w"]) * (1 + 2.0**-23) + np.abs(back)) + 1e-45
    assert (np.abs(back - wide) <= bound).all()


# --- top_k ------------------------------------------------------------------------------------------------------------


def test_top_k_keeps_the_largest_by_magnitude_and_says_where():
    value = np.array([[0.1, -3.0, 0.2], [2.0, 0.0, -0.3]], F32)
    sent = TopK(0.3).encode({"w": value}, None)  # 0.3 × 6, rounded up: two
    assert sent["w|kept"].tolist() == [-3.0, 2.0] and sent["w|gaps"].tolist() == [1, 1]
    assert TopK().decode(sent, {"w": value})["w"].tolist() == [[0.0, -3.0, 0.0], [2.0, 0.0, 0.0]]


def test_of_equal_numbers_the_first_are_kept_and_nan_is_never_lost():
    assert largest(np.array([1, -1, 1, 1], F32), 2).tolist() == [0, 1]
    assert largest(np.array([1, np.nan, -np.inf, 1], F32), 2).tolist() == [1, 2]


@given(
    hnp.arrays(F32, st.integers(1, 200), elements=st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.5, np.inf, np.nan])),
    st.data(),
)
def test_largest_is_what_a_stable_sort_by_magnitude_puts_first(values, data):
    count = data.draw(st.integers(1, len(values)))
    size = np.where(np.isnan(values), np.inf, np.abs(values))
    assert largest(values, count).tolist() == sorted(np.argsort(-size, kind="stable")[:count].tolist())


def test_a_tensor_so_small_that_all_would_be_kept_stays_whole():
    one = {"w": np.array([4.0], F32)}
    assert TopK(0.1).encode(one, None)["w"] is one["w"]


def test_wide_gaps_take_a_byte_for_every_255():
    places = np.array([0, 255, 256, 1022, 1278])  # gaps 0, 254, 0, 765 = 3 × 255, 255
    assert gaps_of(places).tolist() == [0, 254, 0, 255, 255, 255, 0, 255, 0]
    assert places_of(gaps_of(places)).tolist() == places.tolist()


@given(st.sets(st.integers(0, 3000), max_size=60))
def test_places_come_back(places):
    rising = np.array(sorted(places), dtype=np.int64)
    assert places_of(gaps_of(rising)).tolist() == rising.tolist()


@given(TENSOR, st.floats(0.01, 0.99))
def test_top_k_leaves_out_no_number_larger_than_one_it_keeps(value, share):
    back = there_and_back(TopK(share), {"w": value}, {"w": value})["w"]
    kept = back != 0
    assert np.array_equal(back[kept], value[kept])
    if value.ndim and value.size:
        assert kept.sum() <= int(np.ceil(share * value.size))
        assert np.abs(value[~kept]).max(initial=0) <= np.abs(value[kept]).min(initial=np.inf)


GAPS = np.array([0, 1], np.uint8)


@pytest.mark.parametrize(
    ("block", "base"),
    [
        ({"w|kept": np.ones(2, F32), "w|gaps": GAPS}, None),
        ({"w|kept": np.ones(2, F32), "w|gaps": GAPS}, {"v": np.zeros(4, F32)}),
        ({"w|kept": np.ones(2, F32), "w|gaps": GAPS}, {"w": np.zeros(2, F32)}),
        ({"w|kept": np.ones(3, F32), "w|gaps": GAPS}, {"w": np.zeros(9, F32)}),
        ({"w|kept": np.ones(2), "w|gaps": GAPS}, {"w": np.zeros(9, F32)}),
        ({"w|kept": np.ones(2, F32), "w|gaps": np.array([0, 1])}, {"w": np.zeros(9, F32)}),
        ({"w|kept": np.ones(2, F32)}, {"w": np.zeros(9, F32)}),
        ({"w|kept": np.ones(2, F32), "w|gaps": GAPS, "w": np.zeros(9, F32)}, {"w": np.zeros(9, F32)}),
    ],
    ids=["no base", "another base", "beyond its end", "too many", "64 bits", "wide gaps", "no gaps", "twice"],
)  # fmt: skip
def test_places_that_do_not_fit_are_refused(block, base):
    with pytest.raises(ProtocolError):
        TopK().decode(block, base)


# --- 16 bits ----------------------------------------------------------------------------------------------------------


def test_bf16_is_the_upper_half_rounded_to_the_even_of_two():
    bits = np.array([0x3F800000, 0x3F808000, 0x3F818000, 0x3F80FFFF, 0x80000000, 0x7F800000], np.uint32)
    sent = Bf16().encode({"w": bits.view(F32)}, None)["w|bf16"]
    assert [hex(value) for value in sent] == ["0x3f80", "0x3f80", "0x3f82", "0x3f81", "0x8000", "0x7f80"]
    back = Bf16().decode({"w|bf16": sent}, None)["w"]
    assert back.dtype == F32 and back[0] == 1.0 and np.isinf(back[5]) and np.signbit(back[4])


def test_float16_rounds_to_the_even_of_two_and_has_an_end():
    sent = Float16().encode({"w": np.array([1.0, 1 + 2.0**-11, 65519.0, 65520.0], F32)}, None)["w|float16"]
    assert sent.tolist() == [1.0, 1.0, 65504.0, np.inf]


@given(TENSOR)
def test_bf16_is_within_its_bound(value):
    back = there_and_back(Bf16(), {"w": value}, None)["w"]
    assert back.dtype == F32 and back.shape == value.shape
    assert (
        np.abs(back.astype(np.float64) - value) <= np.maximum(2.0**-8 * np.abs(value.astype(np.float64)), 2.0**-134)
    ).all()


@given(hnp.arrays(F32, hnp.array_shapes(max_dims=3, max_side=6), elements=st.floats(-65000, 65000, width=32)))
def test_float16_is_within_its_bound(value):
    back = there_and_back(Float16(), {"w": value}, None)["w"]
    assert (
        np.abs(back.astype(np.float64) - value) <= np.maximum(2.0**-11 * np.abs(value.astype(np.float64)), 2.0**-25)
    ).all()


# --- int8 -------------------------------------------------------------------------------------------------------------


def test_int8_scales_each_row_by_its_largest_number():
    rows = np.zeros((3, 64), F32)
    rows[0, :4] = [254.0, -127.0, 1.0, 3.0]  # scale 2: 127, −63.5, 0.5, 1.5; halves go to the even one
    rows[1, :] = -0.127  # a constant
    sent = Int8().encode({"w": rows}, None)
    assert sent["w|int8"][0, :4].tolist() == [127, -64, 0, 2] and sent["w|int8"].dtype == np.int8
    assert (sent["w|int8"][1] == -127).all()
    assert sent["w|scale"].tolist() == pytest.approx([2.0, 0.001, 0.0])
    back = Int8().decode(sent, None)["w"]
    assert back[0, :4].tolist() == [254.0, -128.0, 0.0, 4.0] and np.allclose(back[1], -0.127, rtol=1e-6)
    assert not back[2].any()


@pytest.mark.parametrize(
    ("shape", "length"),
    [((7,), 7), ((200,), 200), ((5, 200), 200), ((5, 16), 16), ((8, 6, 5), 30), ((8, 64, 5), 320), ((2, 8, 6, 5), 240),
     ((2, 8, 64, 5), 320), ((3, 7), 7)],
)  # fmt: skip
def test_a_row_is_of_the_last_axes_and_not_of_the_first(shape, length):
    assert row_length(shape) == length


@given(TENSOR)
def test_int8_is_within_half_a_step_of_each_row(value):
    back = there_and_back(Int8(), {"w": value}, None)["w"]
    assert back.dtype == F32 and back.shape == value.shape
    if not value.ndim or not value.size:
        assert np.array_equal(back, value)
        return
    rows, found = (each.reshape(-1, row_length(value.shape)).astype(np.float64) for each in (value, back))
    bound = np.maximum(np.abs(rows).max(axis=1, keepdims=True) / 254 * (1 + 1e-5), 1.5e-36)
    assert (np.abs(found - rows) <= bound).all()


@given(TENSOR)
def test_int8_of_what_it_made_is_the_same_again(value):
    once = there_and_back(Int8(), {"w": value}, None)
    assert np.array_equal(Int8().encode(once, None).get("w|int8"), Int8().encode({"w": value}, None).get("w|int8"))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("codec", [Float16(), Bf16(), Int8(), TopK(0.5)], ids=lambda codec: codec.name)
def test_what_is_not_finite_arrives_as_not_finite_and_so_is_refused_there(codec, bad):
    value = np.array([[1.0, bad, 2.0, 0.0]], F32)
    assert not np.isfinite(there_and_back(codec, {"w": value}, {"w": value})["w"]).all()


@pytest.mark.parametrize(
    "block",
    [
        {"w|int8": np.zeros((2, 64), np.int8)},
        {"w|int8": np.zeros((2, 64), np.int8), "w|scale": np.ones(3, F32)},
        {"w|int8": np.zeros((2, 64), np.int8), "w|scale": np.ones((2, 1), F32)},
        {"w|int8": np.zeros((2, 64), np.int16), "w|scale": np.ones(2, F32)},
        {"w|int8": np.zeros((0, 64), np.int8), "w|scale": np.ones(0, F32)},
    ],
    ids=["no scales", "a scale too many", "a column of scales", "16 bits", "no row"],
)
def test_scales_that_do_not_fit_are_refused(block):
    with pytest.raises(ProtocolError):
        Int8().decode(block, None)


@pytest.mark.parametrize("codec", [Float16(), Bf16()], ids=lambda codec: codec.name)
def test_16_bits_of_another_type_are_refused(codec):
    with pytest.raises(ProtocolError):
        codec.decode({f"w|{codec.name}": np.zeros(2, np.int32)}, None)


# --- lists ------------------------------------------------------------------------------------------------------------


def test_a_list_is_undone_in_reverse():
    """Undone in any other order the parts would not be found, or differences of something else."""
    base = {"w": np.linspace(1, 2, 100, dtype=F32)}
    value = {"w": base["w"].copy()}
    value["w"][[3, 50]] += np.array([0.5, -0.25], F32)
    codecs = codecs_of(["delta", "top_k", "int8"], 0.02)
    sent = encoded(value, codecs, base)
    assert set(sent) == {"w|kept|int8", "w|kept|scale", "w|gaps"} and sent["w|gaps"].tolist() == [3, 46]
    back = decoded(sent, codecs, base)["w"]
    assert np.abs(back - value["w"]).max() <= 0.5 / 254 and np.array_equal(back[4:50], base["w"][4:50])
    with pytest.raises(ProtocolError):
        decoded(sent, codecs[::-1], base)


@given(TENSOR, st.sampled_from([["delta", "int8"], ["delta", "bf16"], ["delta"]]))
def test_coarse_differences_are_within_the_bound_of_the_difference(value, names):
    base = {"w": np.full_like(value, 0.5)}
    codecs = codecs_of(names, 0.1)
    back = decoded(encoded({"w": value}, codecs, base), codecs, base)["w"]
    difference = np.abs(value.astype(np.float64) - base["w"])
    coarse = {"int8": difference.max(initial=0) / 254, "bf16": 2.0**-8 * difference, "delta": 0.0}[names[-1]]
    assert (
        np.abs(back - value.astype(np.float64)) <= coarse * 1.001 + 2.0**-22 * (difference + np.abs(back)) + 1e-35
    ).all()
