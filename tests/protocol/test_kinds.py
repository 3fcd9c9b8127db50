"""What is not listed may not leave a node: for every kind of message."""

from fnmatch import fnmatchcase

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from protocol import kinds
from protocol.kinds import CONTRAST, DESCRIBE, ECHO, EMBED, FINETUNE, KINDS, checked_reply
from protocol.payload import Payload, ProtocolError

EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.message_type)
NUMBERS = np.zeros(2, np.float32)


def name_of(leaf):
    return leaf.pattern.replace("*", "gyroscope")


def full(kind):
    """A reply with everything that may leave, at the most dimensions it may have."""
    blocks = {name_of(leaf): {"t": np.ones((1,) * leaf.most_dimensions, np.float32)} for leaf in kind.blocks}
    return Payload(blocks, dict.fromkeys((*kind.info, *ECHO), 1), dict.fromkeys(kind.metrics, 1.0))


@EVERY_KIND
def test_all_that_is_listed_may_leave(kind):
    assert checked_reply(kind, full(kind)) == full(kind)


@EVERY_KIND
@given(data=st.data())
def test_a_block_that_is_not_listed_may_not_leave(kind, data):
    familiar = [name_of(leaf) for other in KINDS.values() for leaf in other.blocks]
    name = data.draw(
        st.text(max_size=20) | st.sampled_from([*familiar, "samples.gyroscope", "windows", "raw.x", "encoder"])
    )
    assume(not any(fnmatchcase(name, leaf.pattern) for leaf in kind.blocks))
    with pytest.raises(ProtocolError, match="may not leave a node"):
        checked_reply(kind, Payload({name: {"t": NUMBERS}}))


@EVERY_KIND
@given(data=st.data())
def test_info_and_numbers_that_are_not_listed_may_not_leave(kind, data):
    name = data.draw(st.text(max_size=12) | st.sampled_from(["subject", "time", "file", "label", "examples", "nodes"]))
    if name not in (*kind.info, *ECHO):
        with pytest.raises(ProtocolError, match="may not leave a node"):
            checked_reply(kind, Payload(info={name: 1}))
    if name not in kind.metrics:
        with pytest.raises(ProtocolError, match="may not leave a node"):
            checked_reply(kind, Payload(metrics={name: 1.0}))


@EVERY_KIND
def test_arrays_of_more_dimensions_than_listed_may_not_leave(kind):
    for leaf in kind.blocks:
        wide = np.zeros((1,) * (leaf.most_dimensions + 1), np.float32)
        with pytest.raises(ProtocolError, match=f"has {leaf.most_dimensions + 1} dimensions"):
            checked_reply(kind, Payload({name_of(leaf): {"t": wide}}))


def test_embeddings_and_moments_are_too_flat_to_be_windows():
    """A batch of windows is (sample, time, channel): three dimensions."""
    for kind in (EMBED, DESCRIBE, KINDS["query.targets"], KINDS["query.exact_views"], KINDS["query.audit"]):
        assert all(leaf.most_dimensions < 3 for leaf in kind.blocks)


@EVERY_KIND
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_everywhere(kind, bad):
    for leaf in kind.blocks:
        for dtype in (np.float16, np.float32, np.float64):
            with pytest.raises(ProtocolError, match="NaN or infinity"):
                checked_reply(kind, Payload({name_of(leaf): {"t": np.array([1.0, bad], dtype)}}))
    for name in kind.metrics:
        with pytest.raises(ProtocolError, match="NaN or infinite"):
            checked_reply(kind, Payload(metrics={name: bad}))
    for name in kind.info:
        with pytest.raises(ProtocolError, match="NaN or infinite"):
            checked_reply(kind, Payload(info={name: [{"deep": [1.0, bad]}]}))


def test_whole_numbers_that_no_array_holds_are_refused_and_the_largest_that_one_does_are_not():
    for value in (10**400, 2**63, -(2**63) - 1):
        with pytest.raises(ProtocolError, match="beyond 64 bits"):
            checked_reply(FINETUNE, Payload(info={"losses": [0.5, value]}))
    checked_reply(FINETUNE, Payload(info={"losses": [2**63 - 1, -(2**63), True]}))


def test_long_names_are_cut_in_the_refusal():
    with pytest.raises(ProtocolError) as caught:
        checked_reply(CONTRAST, Payload({"z" * 5000: {"t": NUMBERS}}))
    assert len(str(caught.value)) < 200


def test_every_kind_is_known_by_its_message_type():
    assert all(KINDS[kind.message_type] is kind for kind in KINDS.values())
    assert all(message_type.split(".")[0] in ("query", "train", "evaluate") for message_type in KINDS)
    written = [value for value in vars(kinds).values() if isinstance(value, kinds.Kind)]
    assert FINETUNE in written and sorted(KINDS) == sorted(kind.message_type for kind in written)
