"""What a node is sent of the others: by hand, and as a plain loop over all nodes would gather it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.binding.bind import Pairs, no_pairs
from server.phases.foreign import Foreign


def pairs_of(*rows):
    """Pairs from (node, handle, partner node, partner handle)."""
    node, handle, partner_node, partner = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    real = np.arange(len(node), dtype=np.float32)
    return Pairs(node, handle, partner_node, partner, real, real + 1)


def bank_of(**views):
    """One modality's bank: n3=[7, 8] gives node 3 the handles 7 and 8, whose rows are their own number."""
    return {
        int(name[1:]): {"acc": (np.array(h, np.int64), np.array(h, np.float32)[:, None])} for name, h in views.items()
    }


def plainly(bank, pairs, undecided, partition, negatives, quantise):
    """The same, node by node and row by row."""
    own, near = pairs.of(partition), undecided.of(partition)
    blocks = {}
    for modality in sorted({modality for views in bank.values() for modality in views}):
        rows = [
            (handle, row)
            for other, views in sorted(bank.items())
            if other != partition and modality in views
            for handle, row in zip(views[modality][0].tolist(), views[modality][1], strict=True)
            if negatives == "all" or handle in own.partner_handle.tolist()
        ]
        if rows:
            values = np.array([row for _, row in rows], np.float32 if quantise == "float32" else np.float16)
            blocks[f"targets.{modality}"] = {"handles": np.array([handle for handle, _ in rows]), "values": values}
    if len(own):
        blocks["pairs"] = {"handle": own.handle, "partner": own.partner_handle, "weight": own.weight}
    if len(near):
        blocks["undecided"] = {"handle": near.handle, "other": near.partner_handle}
    return blocks


def same(one, other):
    assert list(one) == list(other)
    for name in one:
        for key in one[name]:
            assert (
                one[name][key].dtype == other[name][key].dtype and one[name][key].tolist() == other[name][key].tolist()
            )


def test_a_node_is_sent_its_partners_or_everyone_but_never_itself():
    bank, pairs = bank_of(n0=[5, 1], n1=[9, 2], n4=[7]), pairs_of((0, 5, 4, 7), (0, 1, 1, 2), (1, 9, 0, 5))
    partners = Foreign(bank, pairs, no_pairs(), "partners", "float32").sent_to(0)
    assert partners["targets.acc"]["handles"].tolist() == [2, 7] and partners["targets.acc"]["values"].tolist() == [
        [2],
        [7],
    ]
    assert partners["pairs"]["handle"].tolist() == [5, 1] and partners["pairs"]["weight"].tolist() == [1, 2]
    everyone = Foreign(bank, pairs, pairs, "all", "int8").sent_to(4)
    assert everyone["targets.acc"]["handles"].tolist() == [5, 1, 9, 2] and "pairs" not in everyone
    assert everyone["targets.acc"]["values"].dtype == np.float16
    assert Foreign({}, no_pairs(), no_pairs(), "all", "float32").sent_to(0) == {}


@pytest.mark.parametrize("negatives", ["all", "partners"])
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(0, 20))
def test_it_is_what_a_loop_over_all_nodes_gathers(negatives, seed, nodes, count):
    generator = np.random.default_rng(seed)
    handles = iter(generator.permutation(100).tolist())
    bank = {}
    for node in range(nodes):
        for modality in generator.permutation(["acc", "ecg"])[: generator.integers(0, 3)]:
            own = np.array([next(handles) for _ in range(generator.integers(0, 4))], np.int64)
            bank.setdefault(node, {})[str(modality)] = (own, generator.normal(size=(len(own), 2)).astype(np.float32))
    drawn = [tuple(generator.integers(0, high) for high in (nodes, 100, nodes, 100)) for _ in range(count)]
    pairs = pairs_of(*drawn) if drawn else no_pairs()
    foreign = Foreign(bank, pairs, pairs, negatives, "float32")
    for node in range(nodes):
        same(foreign.sent_to(node), plainly(bank, pairs, pairs, node, negatives, "float32"))
        by_node = pairs.by_node().get(node, no_pairs())
        assert all(
            getattr(by_node, n).tolist() == getattr(pairs.of(node), n).tolist() for n in Pairs.__dataclass_fields__
        )
