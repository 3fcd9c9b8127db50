"""Recordings that stay: read once for an experiment, as many nodes' as an engine asks for."""

import pytest

from client import resident
from client.resident import forget_holdings, keep_nodes, resident_holdings
from configs.nodes import node_places
from tests.simulation.smallest import smallest


@pytest.fixture
def reads(monkeypatch):
    """Places whose recordings were read, in order."""
    found = []
    monkeypatch.setattr(resident, "holdings_of", lambda experiment, place, *_: found.append(place.partition) or place)
    forget_holdings()
    yield found
    forget_holdings()


def test_a_node_is_read_once_for_the_same_experiment_and_again_for_another(reads):
    experiment = smallest()
    for whose in (experiment, experiment, smallest()):
        held = resident_holdings(whose, node_places(whose)[1], ("acc",), 0, None, False)
        assert held == node_places(whose)[1]
    assert reads == [1, 1]
    resident_holdings(experiment, node_places(experiment)[1], ("acc", "ecg"), 0, None, True)
    assert reads == [1, 1, 1]


def test_as_many_nodes_stay_as_were_asked_for(reads, monkeypatch):
    monkeypatch.setattr(resident, "_kept", resident._kept)  # put back afterwards
    monkeypatch.setattr(resident, "_most", resident._most)
    experiment = smallest("groups.a.nodes=150")
    keep_nodes(150)
    keep_nodes(3)  # never fewer than before
    for _ in range(2):
        for place in node_places(experiment)[:150]:
            resident_holdings(experiment, place, ("acc",), 0, None, False)
    assert reads == list(range(150))
