"""Noise that protects what leaves a node is drawn from what the server does not know."""

import pytest

from client.node import Node
from tests.simulation.smallest import smallest, whole_run


@pytest.mark.parametrize(
    ("overrides", "purposes"),
    [
        (["rounds.self_training=1", "groups.finetune.nodes=2"], {"embed", "targets", "predict", "prototypes"}),
        (["contrast.mode=exact"], {"embed", "exact", "targets"}),
    ],
)
def test_whatever_is_noised_is_noised_from_the_node_s_own_key(tmp_path, monkeypatch, overrides, purposes):
    """Noise whose seed the server could work out would be no protection: it could take it off again."""
    own, public, seed_for, noise_seed = set(), set(), Node.seed_for, Node.noise_seed
    monkeypatch.setattr(Node, "seed_for", lambda node, *why: public.add(why[0]) or seed_for(node, *why))
    monkeypatch.setattr(Node, "noise_seed", lambda node, *why: own.add(why[0]) or noise_seed(node, *why))
    whole_run(smallest("methods=[fedbind]", "privacy.noise_std=0.1", *overrides), tmp_path / "run")
    assert own == purposes and "noise" not in public
