"""Who is related to whom, against the same said entry by entry."""

import types

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from client.handlers.contrast import _related, places
from protocol.payload import Payload, ProtocolError

OWN, FOREIGN = np.arange(10, 16), np.arange(100, 108)


def node(own=OWN):
    models = types.SimpleNamespace(projection=2)
    return types.SimpleNamespace(handles=own, own_label=None, experiment=types.SimpleNamespace(models=models))


def rows(handles):
    handles = np.sort(np.asarray(handles, np.int64))
    return {"handles": handles, "values": np.stack([np.cos(handles), np.sin(handles)], axis=1).astype(np.float32)}


def plainly(question, own):
    """Affinity and undecided, (n, n + m), entry by entry: foreign rows stand in the order in which they first come."""
    foreign = []
    for name, block in question.blocks.items():
        if name.startswith("targets."):
            foreign += [each for each in block["handles"].tolist() if each not in foreign]
    column = {handle: len(own) + at for at, handle in enumerate(foreign)}
    column |= {handle: at for at, handle in enumerate(own.tolist())}
    affinity = np.zeros((len(own), len(own) + len(foreign)), np.float32)
    undecided = np.zeros(affinity.shape, bool)
    for handle, partner, weight in zip(
        *(question.blocks["pairs"][k].tolist() for k in ("handle", "partner", "weight")), strict=True
    ):
        if handle in own.tolist() and partner in column:
            affinity[column[handle], column[partner]] = weight
    for handle, other in zip(*(question.blocks["undecided"][k].tolist() for k in ("handle", "other")), strict=True):
        if handle in own.tolist() and other in column:
            undecided[column[handle], column[other]] = True
    return affinity, undecided


handles = st.sampled_from([*OWN.tolist(), *FOREIGN.tolist(), 7, 999])  # some that nobody knows
held = st.lists(st.sampled_from([*FOREIGN.tolist(), int(OWN[2])]), unique=True, min_size=1)  # an own handle among them


@settings(deadline=None, max_examples=60)
@given(
    held, held,
    st.lists(st.tuples(handles, handles, st.integers(1, 8)), max_size=25),
    st.lists(st.tuples(handles, handles), max_size=25),
    st.permutations(OWN.tolist()),
)  # fmt: skip
def test_it_is_what_it_is_entry_by_entry(first, second, pairs, near, own):
    own = np.array(own)
    question = Payload({
        "targets.b": rows(first),
        "targets.a": rows(second),
        "pairs": {
            "handle": np.array([p[0] for p in pairs], np.int64), "partner": np.array([p[1] for p in pairs], np.int64),
            "weight": np.array([p[2] / 8 for p in pairs], np.float32),
        },
        "undecided": {"handle": np.array([p[0] for p in near], np.int64), "other": np.array([p[1] for p in near], np.int64)},
    }, {})  # fmt: skip
    found = _related(node(own), question)
    affinity, undecided = plainly(question, own)
    assert np.array_equal(found.affinity.numpy(), affinity) and np.array_equal(found.undecided.numpy(), undecided)
    order = list(dict.fromkeys([*sorted(first), *sorted(second)]))
    for name, here in (("b", first), ("a", second)):
        assert found.foreign.present[name].tolist() == [each in here for each in order]
        for at, each in enumerate(order):
            if each in here:
                assert torch.allclose(found.foreign.views[name][at], torch.tensor([np.cos(each), np.sin(each)]).float())


def test_without_foreign_rows_or_pairs_nothing_is_related():
    found = _related(node(), Payload({}, {}))
    assert (
        found.foreign is None
        and found.affinity.shape == (6, 6)
        and not found.affinity.any()
        and not found.undecided.any()
    )


def test_a_node_of_no_samples_is_related_to_nobody():
    question = Payload(
        {"targets.a": rows(FOREIGN), "undecided": {"handle": np.array([10]), "other": np.array([100])}}, {}
    )
    assert _related(node(OWN[:0]), question).affinity.shape == (0, 8)


def test_pairs_of_unequal_lengths_are_refused():
    pairs = {"handle": np.array([10, 11]), "partner": np.array([12]), "weight": np.array([1.0, 1.0])}
    with pytest.raises(ProtocolError, match="pairs has arrays of different lengths"):
        _related(node(), Payload({"pairs": pairs}, {}))


def test_places():
    assert places(np.array([5, 3, 9]), np.array([9, 4, 5, 3, 10])).tolist() == [2, -1, 0, 1, -1]
    assert places(np.array([5, 3, 5]), np.array([5])).tolist() == [2]  # the last
    assert places(np.array([], np.int64), np.array([5])).tolist() == [-1]
