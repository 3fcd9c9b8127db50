"""Handles tell neither order nor time, and cannot be joined without the key."""

import hashlib
import hmac

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

import protocol.handles
from protocol.handles import sample_handles

KEYS = [bytes([number]) * 32 for number in range(8)]


def test_the_first_handle_is_the_hmac_of_its_place_cut_to_63_bits():
    digest = hmac.new(b"key", b"0:0", hashlib.sha256).digest()
    assert sample_handles(b"key", 1)[0] == int.from_bytes(digest[:8], "big") >> 1


@given(st.binary(max_size=40), st.integers(0, 300))
def test_handles_are_unique_63_bit_numbers_that_repeat_with_the_key(key, count):
    handles = sample_handles(key, count)
    assert handles.dtype == np.int64 and handles.shape == (count,)
    assert len(set(handles.tolist())) == count
    assert (handles >= 0).all()
    assert np.array_equal(handles, sample_handles(key, count))


@given(st.binary(min_size=1, max_size=40), st.integers(0, 100), st.integers(0, 100))
def test_a_sample_keeps_its_handle_however_many_come_after_it(key, count, more):
    assert np.array_equal(sample_handles(key, count + more)[:count], sample_handles(key, count))


def test_handles_carry_no_order():
    """Spearman's rank correlation with the place, n = 4,000: its standard deviation is 0.016 for a random order."""
    place = np.arange(4000)
    for key in KEYS:
        handles = sample_handles(key, 4000)
        assert abs(spearmanr(place, handles).statistic) < 0.06
        assert abs(spearmanr(place[1:], np.diff(handles.astype(float))).statistic) < 0.06
        assert abs(np.mean(handles[1:] > handles[:-1]) - 0.5) < 0.05


def test_handles_fill_the_whole_range_and_every_bit():
    bits = (sample_handles(KEYS[0], 4000)[:, None] >> np.arange(63)) & 1
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 0.05


def test_handles_of_one_key_cannot_be_joined_with_those_of_another():
    seen = [set(sample_handles(key, 1000).tolist()) for key in KEYS]
    assert len(set.union(*seen)) == 8 * 1000
    ranks = [np.argsort(np.argsort(sample_handles(key, 1000))) for key in KEYS]
    assert max(abs(spearmanr(ranks[0], other).statistic) for other in ranks[1:]) < 0.12


def test_handles_that_collide_are_made_again(monkeypatch):
    """With hashes cut to 4 bits, sixteen samples still get sixteen handles."""

    monkeypatch.setattr(
        protocol.handles.hmac, "new", lambda *arguments, new=hmac.new: _Shortened(new(*arguments).digest())
    )
    assert sorted(sample_handles(b"key", 16).tolist()) == list(range(16))


class _Shortened:
    def __init__(self, digest):
        self._digest = digest

    def digest(self):
        return bytes(7) + bytes([self._digest[0] & 0b11110])
