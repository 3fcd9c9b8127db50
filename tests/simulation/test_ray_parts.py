"""What the engine `ray` is made of, without Ray: who holds which node, and messages taken apart and put together."""

import numpy as np
from flwr.app import Error, Message
from flwr.supercore.task_identity import TaskIdentity
from hypothesis import given
from hypothesis import strategies as st

from configs.schema import RunSettings
from protocol.payload import Payload
from simulation.ray_engine.actors import actors_for
from simulation.ray_engine.parcel import Shared, packed, unpacked
from simulation.ray_engine.plan import NEAR, placed, runs
from strategies.tree import holder, owned

COSTS = st.dictionaries(st.integers(0, 50), st.floats(0.01, 10.0), min_size=1, max_size=20)


def busiest(costs, place):
    return max(sum(costs[node] for node in costs if place[node] == actor) for actor in set(place.values()))


def eights(node):
    return node // 8


def alone(node):
    return node


def test_neighbours_lie_together_and_every_actor_has_its_share():
    assert runs({1: 3.0, 2: 1.0, 5: 1.0, 7: 1.0}, 2, alone) == {1: 0, 2: 1, 5: 1, 7: 1}
    assert runs(dict.fromkeys(range(6), 1.0), 3, alone) == {0: 0, 1: 0, 2: 1, 3: 1, 4: 2, 5: 2}
    assert runs({4: 1.0}, 3, alone) == {4: 1}


def test_a_cut_lies_between_groups_where_that_costs_little():
    whole = runs(dict.fromkeys(range(100), 1.0), 2, eights)  # 48 and 52 instead of 50 and 50
    assert [node for node, actor in whole.items() if actor == 0] == list(range(48))
    split = runs(dict.fromkeys(range(24), 1.0), 2, eights)  # 8 and 16 would be too uneven
    assert [node for node, actor in split.items() if actor == 0] == list(range(12))


def test_nodes_stay_where_they_are_unless_that_is_lopsided():
    costs = {1: 1.0, 2: 1.0, 3: 1.0, 4: 1.1}
    assert placed(costs, {1: 0, 2: 1, 3: 1, 4: 0}, 2, alone) == {1: 0, 2: 1, 3: 1, 4: 0}
    assert placed(costs, {1: 0, 2: 0, 3: 1}, 2, alone)[4] == 1  # a new one goes where its neighbours would be
    assert placed(costs, dict.fromkeys(costs, 0), 2, alone) == {1: 0, 2: 0, 3: 1, 4: 1}


@given(COSTS, st.integers(1, 4))
def test_no_actor_has_more_than_its_share_and_one_node_and_neighbours_lie_together(costs, actors):
    place = runs(costs, actors, eights)
    assert set(place) == set(costs) and set(place.values()) <= set(range(actors))
    share = sum(costs.values()) / actors
    assert busiest(costs, place) <= share * (1 + 2 * NEAR) + max(costs.values()) + 1e-9
    in_order = [place[node] for node in sorted(costs)]
    assert in_order == sorted(in_order)


def test_all_replies_of_a_large_round_are_added_up_where_they_are_made():
    """Of 200 equal nodes over two actors no reply travels by itself."""
    place = runs(dict.fromkeys(range(200), 1.0), 2, eights)
    everyone = list(place)
    for actor in (0, 1):
        subtrees = owned([node for node in everyone if place[node] == actor], everyone)
        assert all(holder(subtrees, node) is not None for node in everyone if place[node] == actor)
        assert len(subtrees) <= 5


def asked(node, payload):
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, 7, 1
    message = Message(payload.to_records(), node, "train.contrast", group_id="3")
    message.metadata.__dict__["_message_id"] = f"message {node}"
    return message


def test_messages_come_out_as_they_went_in_and_what_they_share_travels_once():
    common = np.arange(12, dtype=np.float32).reshape(3, 4)
    messages = [
        asked(node, Payload({"encoder.acc": {"w": common.copy(), "b": np.full(2, node)}}, {"round": 3}, {"loss": 0.5}))
        for node in (100, 101)
    ]
    shared = Shared(messages)
    parcels, own = packed(messages, shared)
    assert len(shared.buffers) == 1 and len(own) == 2
    for message, parcel in zip(messages, parcels, strict=True):
        back = unpacked(parcel, [each.tobytes() for each in shared.buffers], [each.data for each in own])
        assert back.metadata == message.metadata
        one, other = Payload.from_records(message.content), Payload.from_records(back.content)
        assert (one.info, one.metrics) == (other.info, other.metrics)
        for key in ("w", "b"):
            np.testing.assert_array_equal(other.blocks["encoder.acc"][key], one.blocks["encoder.acc"][key])
        assert back.content["arrays:encoder.acc"].count_bytes() == message.content["arrays:encoder.acc"].count_bytes()


def test_errors_travel_too():
    told = Message(Error(100, "node 3: ValueError"), reply_to=asked(100, Payload()))
    ((parcel,), own) = packed([told])
    back = unpacked(parcel, (), own)
    assert back.has_error() and (back.error.code, back.error.reason) == (100, "node 3: ValueError")
    assert back.metadata.reply_to_message_id == "message 100"


def test_there_are_as_many_actors_as_set_and_never_more_than_nodes_otherwise():
    assert actors_for(RunSettings(actors=3), 2) == 3
    assert actors_for(RunSettings(), 1) == 1
    assert actors_for(RunSettings(cpus_per_actor=1000), 5) == 1
