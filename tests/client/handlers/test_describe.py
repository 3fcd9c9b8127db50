"""What the nodes of a host say of themselves, and what a broken one costs its neighbours."""

import numpy as np

from client.data.holdings import holdings_of
from configs.nodes import node_places
from protocol.kinds import DESCRIBE
from protocol.manifest import Manifest
from server.normalisation import agreed, moments_of


def manifests(reply):
    return [Manifest.from_info(told) for told in reply.info["nodes"]]


def test_a_host_describes_its_node(asked):
    (manifest,) = manifests(asked.say(DESCRIBE, 1))
    assert (manifest.partition, manifest.group, manifest.samples, manifest.labelled) == (1, "b", 6, 6)
    assert {name: (m.kind, m.frames, m.channels, m.rate_hz, m.samples) for name, m in manifest.modalities.items()} == {
        "accelerometer": ("inertial", 16, 3, 16.0, 6),
        "ecg": ("physiological", 16, 1, 32.0, 6),
    }
    assert manifest.classes == ["rest", "walk"] and manifest.simulated


def test_two_hosts_describe_all_five_nodes_between_them(experiment, make):
    asked = make(experiment, hosts=2)
    assert [m.partition for m in manifests(asked.say(DESCRIBE, 0))] == [0, 2, 4]
    assert [m.partition for m in manifests(asked.say(DESCRIBE, 1))] == [1, 3]


def test_sums_of_all_nodes_agree_on_the_pooled_mean_and_spread(experiment, asked):
    sums = [moments_of(asked.say(DESCRIBE, p).blocks, p) for p in range(4)]
    block = agreed(sums)["moments.accelerometer"]
    held = [holdings_of(experiment, place, None, 0, None).samples for place in node_places(experiment)[:3]]
    pooled = np.concatenate([samples.arrays["accelerometer"] for samples in held])
    assert np.allclose(block["mean"], pooled.mean(axis=(0, 1)), atol=1e-5)
    assert np.allclose(block["std"], pooled.std(axis=(0, 1)), atol=1e-5)


def test_a_node_that_only_tests_has_no_say_in_normalisation(asked):
    assert asked.say(DESCRIBE, 3).blocks and not asked.say(DESCRIBE, 4).blocks


def test_no_sums_leave_where_normalisation_is_the_node_s_own(experiment, make):
    own = experiment.model_copy(update={"data": experiment.data.model_copy(update={"normalise": "per_node"})})
    assert not make(own).say(DESCRIBE, 0).blocks


def test_a_node_whose_recordings_cannot_be_used_does_not_silence_its_neighbours(toy, experiment, make):
    """Nodes 0, 2 and 4 live on one host; the recordings of node 2 (subject 3) are corrupt."""
    toy.broken.add("3")
    reply = make(experiment, hosts=2).say(DESCRIBE, 0)
    assert [m.partition for m in manifests(reply)] == [0, 4]
    assert list(reply.info["faults"]) == ["2"]
    assert "secret" not in str(reply.info) and "corrupt" not in str(reply.info)


def test_a_host_whose_only_node_cannot_be_used_says_so_too(toy, asked):
    toy.broken.add("1")
    reply = asked.say(DESCRIBE, 0)
    assert reply.info["nodes"] == [] and "the node's own log says why" in reply.info["faults"]["0"]
