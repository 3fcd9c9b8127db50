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
from simulation.ray_engine.plan import longest_first, pieces, placed, spread

COSTS = st.dictionaries(st.integers(0, 50), st.floats(0.01, 10.0), min_size=1, max_size=20)


def busiest(costs, place):
    return max(sum(costs[node] for node in costs if place[node] == actor) for actor in set(place.values()))


def test_nodes_are_given_out_longest_first():
    costs = {1: 3.0, 2: 3.0, 3: 2.0, 4: 2.0, 5: 2.0}
    assert spread(costs, 2) == {1: 0, 2: 1, 3: 0, 4: 1, 5: 0}  # Graham's own example: 7 where 6 is best
    assert longest_first(costs, costs) == [1, 2, 3, 4, 5]


def test_nodes_stay_where_they_are_unless_that_is_lopsided():
    costs = {1: 1.0, 2: 1.0, 3: 1.0, 4: 1.1}
    assert placed(costs, {1: 0, 2: 1, 3: 1, 4: 0}, 2) == {1: 0, 2: 1, 3: 1, 4: 0}
    assert placed(costs, {1: 0, 2: 1, 3: 1}, 2)[4] == 0  # a new one goes where there is least to do
    assert sorted(placed(costs, dict.fromkeys(costs, 0), 2).values()) == [0, 0, 1, 1]


@given(COSTS, st.integers(1, 4), st.integers(1, 5))
def test_no_actor_has_more_than_four_thirds_of_the_best_and_pieces_are_the_whole(costs, actors, count):
    place = spread(costs, actors)
    assert set(place) == set(costs) and set(place.values()) <= set(range(actors))
    least = max(max(costs.values()), sum(costs.values()) / actors)
    assert busiest(costs, place) <= least + (1 - 1 / actors) * max(costs.values()) + 1e-9
    nodes = longest_first(costs, costs)
    cut = pieces(nodes, costs, count)
    assert [node for piece in cut for node in piece] == nodes and len(cut) <= count and all(cut)


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
