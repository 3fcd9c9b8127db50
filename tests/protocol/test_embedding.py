"""Embeddings on their way: normalise, clip, noise, quantise, in this order; and what the receiver refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import protocol.embedding
from configs.schema import PrivacySettings
from protocol.embedding import pack_embeddings, unpack_embeddings
from protocol.payload import ProtocolError

HANDLES = np.array([30, 10, 20], dtype=np.int64)
VECTORS = np.array([[3.0, 4.0], [0.0, -2.0], [0.0, 0.0]], np.float32)
MATRIX = hnp.arrays(np.int16, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6)).map(
    lambda whole: (whole / 8).astype(np.float32)
)


def packed(vectors=VECTORS, handles=HANDLES, seed=0, **settings):
    return pack_embeddings(handles, vectors, np.random.default_rng(seed), **settings)


def test_the_configuration_s_privacy_is_what_packing_is_told():
    settings = PrivacySettings(clip_norm=0.5, noise_std=0.1, quantise="int8").model_dump()
    one, other = packed(seed=5, **settings), packed(seed=5, clip_norm=0.5, noise_std=0.1, quantise="int8")
    assert all(np.array_equal(one[key], other[key]) for key in one)
    assert all(np.array_equal(packed(**PrivacySettings().model_dump())[key], value) for key, value in packed().items())


def unit(vectors):
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return np.divide(vectors, norms, out=np.zeros(vectors.shape), where=norms > 1e-10)


def test_rows_leave_normalised_and_sorted_by_handle_and_a_zero_row_stays_zero():
    block = packed()
    assert set(block) == {"handles", "values"} and block["values"].dtype == np.float32
    assert block["handles"].tolist() == [10, 20, 30]
    assert np.allclose(block["values"], [[0, -1], [0, 0], [0.6, 0.8]], atol=1e-7)


def test_clipping_comes_after_normalising():
    assert np.allclose(packed(clip_norm=0.5)["values"], [[0, -0.5], [0, 0], [0.3, 0.4]], atol=1e-7)
    assert np.allclose(packed(clip_norm=7.0)["values"], packed()["values"])  # a unit row is never blown up


def test_noise_comes_after_clipping():
    drawn = np.random.default_rng(5).normal(0.0, 0.1, (3, 2))
    expected = np.array([[0.3, 0.4], [0, -0.5], [0, 0]]) + drawn  # in the order of the samples
    block = packed(clip_norm=0.5, noise_std=0.1, seed=5)
    assert np.allclose(block["values"], expected[[1, 2, 0]], atol=1e-6)


def test_noise_has_the_standard_deviation_it_says():
    block = packed(np.zeros((4000, 4), np.float32), np.arange(4000), noise_std=0.25)
    assert block["values"].std() == pytest.approx(0.25, rel=0.02)
    assert abs(block["values"].mean()) < 0.01


def test_quantising_comes_last():
    block = packed(clip_norm=0.5, noise_std=0.1, seed=5, quantise="int8")
    exact = packed(clip_norm=0.5, noise_std=0.1, seed=5)["values"]
    assert block["values"].dtype == np.int8 and block["scale"].dtype == np.float32
    assert np.abs(block["values"]).max(axis=1).tolist() == [127, 127, 127]
    assert np.allclose(block["values"] * block["scale"][:, None], exact, atol=np.abs(exact).max() / 254 + 1e-7)


def test_the_same_generator_makes_the_same_bytes():
    assert packed(noise_std=1.0, seed=3)["values"].tobytes() == packed(noise_std=1.0, seed=3)["values"].tobytes()
    assert packed(noise_std=1.0, seed=3)["values"].tobytes() != packed(noise_std=1.0, seed=4)["values"].tobytes()


@given(MATRIX, st.randoms(use_true_random=False), st.sampled_from(["float32", "float16", "int8"]))
def test_what_arrives_is_the_unit_row_under_its_handle(vectors, random, kind):
    """Error per number: float32 rounding; float16 2⁻¹¹; int8 half a step of (largest number)/127, then the norm's own."""
    handles = np.array(random.sample(range(10**9), len(vectors)), dtype=np.int64)
    got_handles, got = unpack_embeddings(packed(vectors, handles, quantise=kind))
    order = np.argsort(handles)
    assert np.array_equal(got_handles, handles[order]) and got.dtype == np.float32
    sent = unit(vectors[order])
    step = {"float32": 1e-6, "float16": 2.0**-11, "int8": 0.5 / 127}[kind]
    bound = 1.01 * step * np.abs(sent).max(axis=1, initial=0.0, keepdims=True)  # before the receiver's normalising
    assert (np.abs(got - sent) <= bound * (1 + np.sqrt(sent.shape[1])) + 1e-6).all()
    norms = np.linalg.norm(got, axis=1)
    assert np.allclose(norms[norms > 0], 1.0, atol=1e-5)
    assert ((norms > 0) == (np.linalg.norm(sent, axis=1) > 0)).all()


def test_int8_halves_a_step_at_most():
    vectors = np.random.default_rng(0).normal(size=(50, 128)).astype(np.float32)
    block = packed(vectors, np.arange(50), quantise="int8")
    error = np.abs(block["values"] * block["scale"][:, None] - unit(vectors))
    assert (error <= 0.5001 * block["scale"][:, None]).all()
    assert block["values"].nbytes + block["scale"].nbytes < 0.27 * vectors.nbytes


def test_no_row_at_all_travels_too():
    for kind in ("float32", "float16", "int8"):
        handles, vectors = unpack_embeddings(packed(np.zeros((0, 5), np.float32), np.zeros(0, np.int64), quantise=kind))
        assert handles.shape == (0,) and vectors.shape == (0, 5)


GOOD = {"handles": np.array([1, 2]), "values": np.eye(2, dtype=np.float32)}
INT8 = {"handles": np.array([1, 2]), "values": np.eye(2, dtype=np.int8), "scale": np.ones(2, np.float32)}


@pytest.mark.parametrize(
    "block",
    [
        {},
        {"values": GOOD["values"]},
        {"handles": GOOD["handles"]},
        {**GOOD, "handles": np.array([1, 2, 3])},
        {**GOOD, "handles": np.array([1, 1])},
        {**GOOD, "handles": np.array([1, 2], np.int32)},
        {**GOOD, "handles": np.array([1.0, 2.0])},
        {**GOOD, "handles": np.array([[1], [2]])},
        {**GOOD, "values": np.zeros(2, np.float32)},
        {**GOOD, "values": np.zeros((2, 2, 1), np.float32)},
        {**GOOD, "values": np.zeros((2, 0), np.float32)},
        {**GOOD, "values": np.zeros((2, 4097), np.float32)},
        {**GOOD, "values": np.full((2, 2), 1e300)},
        {**GOOD, "values": np.full((2, 2), 3e38, np.float32)},
        {**GOOD, "values": np.full((2, 2), 10**15)},
        {key: INT8[key] for key in ("handles", "values")},
        {**INT8, "scale": np.ones(3, np.float32)},
        {**INT8, "scale": np.ones((2, 1), np.float32)},
        {**INT8, "scale": np.array([1.0, -1.0], np.float32)},
        {**INT8, "scale": np.full(2, 3e38, np.float32), "values": np.full((2, 2), 127, np.int8)},
    ],
    ids=["nothing", "no handles", "no values", "a handle too many", "a handle twice", "32-bit handles", "real handles",
         "a column of handles", "one row", "windows", "no number", "too wide", "beyond float32", "norm beyond float32",
         "counts", "no scale", "a scale too many", "a column of scales", "a negative scale", "a scale beyond float32"],
)  # fmt: skip
def test_other_forms_are_refused(block):
    with pytest.raises(ProtocolError):
        unpack_embeddings(block)


def test_the_forms_beside_them_are_not():
    assert np.array_equal(unpack_embeddings(GOOD)[1], np.eye(2))
    assert np.array_equal(unpack_embeddings(INT8)[1], np.eye(2))


def test_more_rows_than_a_node_can_hold_are_refused(monkeypatch):
    monkeypatch.setattr(protocol.embedding, "MOST_SAMPLES_PER_NODE", 1)
    with pytest.raises(ProtocolError, match="beyond the limits"):
        unpack_embeddings(GOOD)
