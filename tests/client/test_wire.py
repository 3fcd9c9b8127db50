"""A node's end of the wire: what it keeps between messages, also where each is handled by a fresh process."""

import itertools

import numpy as np
import pytest

from client.store import DiskStore, MemoryStore
from client.wire import NodeWire
from configs.wire_settings import WireSettings
from protocol.kinds import CONTRAST, EVALUATE
from protocol.payload import Payload, ProtocolError
from protocol.wire import decode
from server.wire import ServerWire
from tests.simulation.smallest import smallest

F32 = np.float32


def experiment(**wire):
    return smallest("methods=[fedbind]", *(f"wire.{key}={value}" for key, value in wire.items()))


def info(round, **more):
    return {"method": "fedbind", "seed": 0, "partition": 0, "phase": "contrast", "round": round, "rounds": 4, **more}


def weights(*values):
    return {"encoder.acc": {"w": np.array(values, F32)}}


@pytest.fixture(params=["memory", "disk"])
def store_again(request, tmp_path):
    """What a fresh process finds of the store."""
    memory = MemoryStore()
    return (lambda: memory) if request.param == "memory" else lambda: DiskStore(tmp_path / "node")


def replies(store_again, rounds, start=(0.0, 0.0, 0.0), step=(1.0, 0.75, 0.0), **more):
    """What arrives of a node that moves by the same step in every round; one number of three travels."""
    told = experiment(up="[delta, top_k]", **{"top_k_share": 0.3})
    for round in rounds:
        node = NodeWire.of(told, store_again(), info(round, **more))
        question = node.received(Payload(weights(*start), info(round, **more)))
        answer = node.sent(question, Payload(weights(*np.add(start, step))))
        yield decode("encoder.acc", answer.blocks["encoder.acc"], weights(*start)["encoder.acc"])[0]["w"].tolist()


def test_what_was_left_out_goes_in_a_later_round(store_again):
    assert list(replies(store_again, [1, 2, 3])) == [[1, 0, 0], [0, 1.5, 0], [2, 0, 0]]


def test_a_phase_that_begins_again_owes_nothing_of_its_earlier_start(store_again):
    assert list(replies(store_again, [1, 2])) == [[1, 0, 0], [0, 1.5, 0]]
    assert list(replies(store_again, [1, 2])) == [[1, 0, 0], [0, 1.5, 0]]


def test_nothing_is_owed_behind_the_last_round_nor_by_a_node_that_is_asked_for_the_first_time(store_again):
    assert list(replies(store_again, [1, 2, 3, 4, 2]))[-1] == [1, 0, 0]
    assert list(replies(store_again, [3], first=True)) == [[1, 0, 0]]


def test_rounds_that_went_to_other_modalities_do_not_count(store_again):
    list(replies(store_again, [1]))
    assert list(replies(store_again, [5], rounds_before=4)) == [[1, 0, 0]]


def talk(store_again, wire, moves, kind=CONTRAST):
    """Server and node over several rounds: what the node reads of each, and the bytes that travelled."""
    told, server = experiment(down="[delta, int8]"), wire
    for round, values in enumerate(moves, start=1):
        meant = {"encoder.acc": {"w": values}}
        (coded,) = server.sent(kind, {0: Payload(meant, info(round))}, "contrast", round).values()
        read = NodeWire.of(told, store_again(), info(round)).received(coded)
        yield read.blocks["encoder.acc"]["w"], coded.blocks["encoder.acc"]["wire"].nbytes


def test_differences_follow_the_server_closer_and_closer(store_again):
    goal = np.linspace(-1, 1, 500, dtype=F32)
    moves = [goal.copy() for _ in range(4)]
    errors = [
        np.abs(read - goal).max()
        for read, _ in talk(store_again, ServerWire(WireSettings(down=["delta", "int8"])), moves)
    ]
    assert errors[0] < 1 / 250 and all(b < a / 50 + 2e-7 for a, b in itertools.pairwise(errors))


def test_the_very_weights_are_not_sent_twice(store_again):
    same = np.linspace(-1, 1, 500, dtype=F32)
    (first, whole), (again, named) = talk(store_again, ServerWire(WireSettings(down=["delta", "int8"])), [same, same])
    assert np.array_equal(first, again) and whole > 500 and named < 100


def test_a_node_that_lost_what_it_held_says_so_and_gets_everything_once_it_is_forgotten(tmp_path):
    wire, goal = ServerWire(WireSettings(down=["delta", "int8"])), np.ones(500, F32)
    list(talk(MemoryStore, wire, [goal]))
    with pytest.raises(ProtocolError, match="weights that are not held here; the next message brings them whole"):
        list(talk(MemoryStore, wire, [goal * 2]))
    wire.forget(0)
    ((read, _),) = talk(MemoryStore, wire, [goal * 2])
    assert np.allclose(read, 2)


def test_a_phase_begins_with_everything_whole():
    """What went before it is not known to a job that goes on there; it must send what one sends that never stopped."""
    wire, store, goal = (
        ServerWire(WireSettings(down=["delta", "int8"])),
        MemoryStore(),
        np.linspace(-1, 1, 500, dtype=F32),
    )
    ((first, whole),) = talk(lambda: store, wire, [goal])
    ((_, named),) = talk(lambda: store, wire, [goal])
    wire.begin_phase()
    ((again, size),) = talk(lambda: store, wire, [goal])
    assert named < 100 and size == whole and np.array_equal(first, again)


def test_networks_that_are_only_looked_at_are_not_kept():
    store = MemoryStore()
    list(talk(lambda: store, ServerWire(WireSettings(down=["delta", "int8"])), [np.ones(90, F32)] * 2, EVALUATE))
    assert not store


def test_differences_are_added_to_the_server_s_own_weights(store_again):
    """The node starts from coarse weights; what it adds to them is added to the exact ones."""
    told, server = experiment(up="[delta]", down="[int8]"), ServerWire(WireSettings(up=["delta"], down=["int8"]))
    exact = np.linspace(0.001, 1, 300, dtype=F32)
    asked = Payload({"encoder.acc": {"w": exact}}, info(1))
    node = NodeWire.of(told, store_again(), info(1))
    question = node.received(server.sent(CONTRAST, {0: asked}, "contrast", 1)[0])
    start = question.blocks["encoder.acc"]["w"]
    assert np.abs(start - exact).max() > 1e-4
    answer = node.sent(question, Payload({"encoder.acc": {"w": start + F32(0.25)}}))
    assert np.allclose(server.received(0, asked, answer).blocks["encoder.acc"]["w"], exact + 0.25, atol=1e-6)


def test_weights_embeddings_and_the_rest_go_by_their_own_lists():
    told = experiment(up="[bf16]", embeddings="[int8]")
    blocks = {
        "encoder.acc": {"w": np.ones(3, F32)},
        "targets.acc": {"handles": np.array([1, 2]), "values": np.eye(2, dtype=F32)},
        "control.encoder.acc": {"w": np.ones(3, F32)},
        "moments.acc": {"total": np.ones(3)},
    }
    node = NodeWire.of(told, MemoryStore(), info(1))
    sent = node.sent(Payload({}, info(1)), Payload(blocks))
    assert {name for name, block in sent.blocks.items() if "wire" in block} == {"encoder.acc", "targets.acc"}
    back = decode("targets.acc", sent.blocks["targets.acc"])[0]
    assert back["handles"].tolist() == [1, 2] and np.allclose(back["values"], np.eye(2))


def test_one_coding_serves_all_nodes_that_hold_the_same():
    wire, blocks = ServerWire(WireSettings(down=["delta", "int8"])), weights(1.0, 2.0)
    first = wire.sent(CONTRAST, {p: Payload(blocks, info(1)) for p in (0, 1)}, "contrast", 1)
    assert first[0].blocks["encoder.acc"]["wire"] is first[1].blocks["encoder.acc"]["wire"]
    wire.forget(1)
    later = weights(1.5, 2.0)
    second = wire.sent(CONTRAST, {p: Payload(later, info(2)) for p in (0, 1)}, "contrast", 2)
    assert second[0].blocks["encoder.acc"]["wire"] is not second[1].blocks["encoder.acc"]["wire"]
