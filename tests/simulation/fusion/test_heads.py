"""Heads: nodes against one place, sets of modalities, and what is drawn."""

import numpy as np
import pytest
import torch

from client.data.normalise import moments_of_rows
from configs.fusion_study import HeadSettings
from configs.nodes import derived_seed
from models.optimiser import adamw
from simulation.fusion.features import Features
from simulation.fusion.heads import View, block_of, centralised, class_weights, epoch, federated, judged, kept, new_head

NAMES = ["pulse", "heat"]


def features(samples=12, people=3):
    """`pulse` tells the class; `heat` is noise."""
    drawn = torch.Generator().manual_seed(0)
    label = torch.arange(samples) % 2
    who = np.array([f"S{n % people}" for n in range(samples)])
    shape = (samples, 2, 3, 16, 16)
    values = {name: torch.randn(shape, generator=drawn) for name in NAMES}
    values["pulse"] += 3.0 * label[:, None, None, None, None]
    values = {name: each.half() for name, each in values.items()}
    sums = {
        (name, person): moments_of_rows(values[name][who == person].movedim(2, -1).float().numpy())
        for name in NAMES
        for person in np.unique(who)
    }
    return Features(values, {name: torch.ones(shape[:2], dtype=torch.bool) for name in NAMES}, label, who, sums)


def settings(**changes):
    return HeadSettings(**{"epochs": 2, "batch": 4, "joined": 4, "hidden": 4, "width": 0.25, **changes})


def trained(train, view, chosen):
    head = new_head(view, 2, chosen, 5)
    steps = train(head)
    return block_of(head), steps


@pytest.mark.parametrize("norm", ["group", "batch"])
def test_one_node_is_one_place_to_the_bit(norm):
    told = features()
    view, rows, chosen = View.of(told, NAMES, ["S0", "S1", "S2"]), np.arange(12), settings(norm=norm)
    here, steps = trained(lambda head: centralised(head, view, rows, chosen, 7), view, chosen)
    there, same = trained(lambda head: federated(head, view, [rows], chosen, 7), view, chosen)
    assert steps == same == 6
    assert all(np.array_equal(here[name], there[name]) for name in here)
    start = block_of(new_head(view, 2, chosen, 5))
    assert any(not np.array_equal(here[name], start[name]) for name in here)


def test_a_round_is_the_mean_of_the_nodes_by_their_samples():
    told = features()
    view, chosen = View.of(told, NAMES, ["S0", "S1"]), settings(epochs=1)
    nodes = [np.arange(8), np.arange(8, 10)]
    both, _ = trained(lambda head: federated(head, view, nodes, chosen, 7), view, chosen)

    def alone(node):
        """What one node makes of the first head."""
        weights = class_weights(told.label[torch.from_numpy(nodes[node])], 2, chosen.balanced)
        seed = derived_seed(7, "epoch", 1, node)

        def train(head):
            optimiser = adamw(head.parameters(), chosen.rate, chosen.decay)
            return epoch(head, optimiser, view, nodes[node], weights, chosen, chosen.rate, seed)

        return trained(train, view, chosen)[0]

    first, second = alone(0), alone(1)
    assert all(np.allclose(both[name], 0.8 * first[name] + 0.2 * second[name], atol=1e-6) for name in both)
    assert any(not np.allclose(first[name], second[name]) for name in both)


def test_a_head_learns_and_works_on_any_subset():
    told = features(samples=24)
    view, rows = View.of(told, NAMES, ["S0", "S1", "S2"]), np.arange(24)
    head = new_head(view, 2, settings(), 5)
    centralised(head, view, rows, settings(epochs=20, rate=0.01, modality_drop=0.3), 7)
    for tested in (NAMES, ["pulse"]):
        probabilities = judged(head, view, rows, tested)
        assert probabilities.shape == (24, 2) and np.allclose(probabilities.sum(axis=1), 1)
        assert (probabilities.argmax(axis=1) == told.label.numpy()).mean() > 0.9
    assert np.isfinite(judged(head, view, rows, ["heat"])).all()


def test_never_all_modalities_are_dropped():
    stays = kept(np.random.default_rng(0), 1000, 3, 0.9)
    assert stays.shape == (3, 1000) and stays.any(axis=0).all()
    assert kept(np.random.default_rng(0), 50, 3, 0.0).all()


def test_classes_count_alike_whatever_their_samples():
    label = torch.tensor([0, 0, 0, 1])
    weights = class_weights(label, 3, balanced=True)
    assert torch.allclose(weights, torch.tensor([4 / 6, 2.0, 0.0])) and float(weights[label].mean()) == pytest.approx(1)
    assert class_weights(label, 3, balanced=False).tolist() == [1, 1, 1]
