"""A small experiment as a plain mapping, for tests to bend."""

import copy

import pytest

TREE = {
    "name": "small",
    "seeds": [0],
    "methods": ["lower_bound", "fedbind"],
    "data": {
        "name": "utd_mhad",
        "modalities": {"accelerometer": {"frames": 16}, "gyroscope": {"frames": 16}, "skeleton": {"frames": 8}},
    },
    "split": {"a": [1, 2], "b": [3, 4], "finetune": [5], "test": [6]},
    "groups": {
        "a": {"modalities": ["accelerometer", "gyroscope"], "nodes": 2},
        "b": {"modalities": ["accelerometer", "skeleton"]},
        "finetune": {"modalities": ["gyroscope", "skeleton"]},
        "test": {"modalities": ["gyroscope", "skeleton"]},
    },
}


@pytest.fixture
def tree():
    return copy.deepcopy(TREE)
