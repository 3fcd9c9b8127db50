"""A node as its handlers see it: which partitions a host stands for, handles, seeds."""

import numpy as np
import pytest
from flwr.app import Context, RecordDict

from client.node import hosted_partitions, node_for
from client.store import release


def context(tmp_path, run=5, node=7, **config):
    return Context(run, node, {"state-dir": str(tmp_path), **config}, RecordDict(), {})


@pytest.mark.parametrize(
    ("config", "hosted"),
    [
        ({"partition-id": 0, "num-partitions": 5}, [0]),
        ({"partition-id": 4, "num-partitions": 5}, [4]),
        ({"partition-id": 0, "num-partitions": 2}, [0, 2, 4]),
        ({"partition-id": 1, "num-partitions": 2}, [1, 3]),
        ({"partition-id": 0, "num-partitions": 1}, [0, 1, 2, 3, 4]),
        ({"partition-id": 3}, [3]),
        ({}, [0]),
        ({"partition-id": 7, "num-partitions": 8}, []),
        ({"partition-id": 1, "num-partitions": 0}, [1, 2, 3, 4]),
    ],
)
def test_a_host_stands_for_its_partition_and_every_further_one_a_step_away(experiment, config, hosted):
    assert hosted_partitions(experiment, config) == hosted


@pytest.mark.parametrize("hosts", [1, 2, 3, 4, 5])
def test_all_hosts_together_stand_for_every_node_once(experiment, hosts):
    together = [
        p for k in range(hosts) for p in hosted_partitions(experiment, {"partition-id": k, "num-partitions": hosts})
    ]
    assert sorted(together) == [0, 1, 2, 3, 4]


def test_handles_are_the_node_s_own_and_the_same_in_the_next_process(experiment, tmp_path):
    def handles(partition, method="fedbind", seed=0, run=5):
        return node_for(experiment, partition, method, seed, context(tmp_path, run)).handles

    first = handles(0)
    assert len(first) == 6 and np.array_equal(handles(0), first)
    for other in (handles(1), handles(0, "upper_bound"), handles(0, seed=1), handles(0, run=6)):
        assert not set(first.tolist()) & set(other.tolist())


def test_a_given_handle_key_repeats_itself_and_a_drawn_one_does_not(experiment, tmp_path):
    def handles(folder, **config):
        return node_for(experiment, 0, "fedbind", 0, context(tmp_path / folder, **config)).handles.tolist()

    assert handles("x", **{"handle-key": "k"}) == handles("y", **{"handle-key": "k"})
    assert not set(handles("x")) & set(handles("y"))


def test_seeds_differ_by_node_and_purpose_and_not_by_process(experiment, tmp_path):
    def seed(partition, *purpose):
        return node_for(experiment, partition, "fedbind", 0, context(tmp_path)).seed_for(*purpose)

    assert seed(0, "contrast", 1) == seed(0, "contrast", 1)
    assert len({seed(0, "contrast", 1), seed(1, "contrast", 1), seed(0, "contrast", 2), seed(0, "autoencoder", 1)}) == 4


def test_a_node_s_own_folder_goes_before_the_experiment_s(experiment, tmp_path):
    at = experiment.model_copy(update={"data": experiment.data.model_copy(update={"root": "/shared"})})
    assert str(node_for(at, 0, "fedbind", 0, context(tmp_path)).root) == "/shared"
    assert str(node_for(at, 0, "fedbind", 0, context(tmp_path, **{"data-root": "/own"})).root) == "/own"
    assert node_for(experiment, 0, "fedbind", 0, context(tmp_path)).root is None


def test_modalities_follow_the_method(experiment, tmp_path):
    made = node_for(experiment, 0, "upper_bound", 0, context(tmp_path, store="memory"))
    assert list(made.shapes) == ["accelerometer", "gyroscope", "ecg"]
    assert list(node_for(experiment, 0, "fedbind", 0, context(tmp_path, store="memory")).shapes) == [
        "accelerometer",
        "gyroscope",
    ]
    release(5)
