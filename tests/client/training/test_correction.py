"""What a rule changes in local training, on a network of one number, and in whole rounds of plain gradient steps."""

import numpy as np
import pytest
import torch
from torch import nn

from client.training.contrast import Contrast
from client.training.correction import Pulled, correction_for
from client.training.local_part import Batch, named_parameters, put, to_bytes
from client.training.personal import own_names, whole_blocks
from models.encoders import FEATURE, STEPS, build_encoder
from models.projection import Projection
from protocol.payload import ProtocolError
from strategies.registry import rule_of
from strategies.rule import Reply, apply


class Number(nn.Module):
    """One number, in double precision."""

    def __init__(self, value):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([float(value)], dtype=torch.float64))

    def forward(self, x, presence=None):
        return x * self.w


def model(value):
    encoders, projections = nn.ModuleDict({"ecg": Number(value)}), nn.ModuleDict({"ecg": Number(1.0)})
    projections.requires_grad_(False)
    return Contrast(encoders, projections, torch.optim.SGD(encoders.parameters(), lr=0.1))


NAME = "encoder.ecg/w"


def step(network, correction, goal, curvature=1.0):
    """One step towards the least of curvature/2·(w − goal)², as `train_contrast` does it."""
    network.optimiser.zero_grad(set_to_none=True)
    (0.5 * curvature * (named_parameters(network)[NAME] - goal) ** 2).sum().backward()
    correction.before_step()
    network.optimiser.step()
    correction.after_step(0.1)


def control(value):
    return {"encoder.ecg": {"w": np.array([value])}, "projection.ecg": {"w": np.array([0.0])}}


def test_the_plain_one_changes_nothing_and_counts():
    network = model(0.0)
    plain = correction_for(network, {"tell": ["steps"]}, None, {})
    step(network, plain, 10.0)
    step(network, plain, 10.0)
    assert named_parameters(network)[NAME].item() == pytest.approx(1.9) and plain.steps == 2 and plain.keeps(0.1) == {}


def test_proximal_pulls_back_from_the_second_step_on():
    """To 1, then gradient −9 + 2·1: 1.7."""
    network = model(0.0)
    proximal = correction_for(network, {"name": "fedprox", "mu": 2.0}, None, {})
    step(network, proximal, 10.0)
    step(network, proximal, 10.0)
    assert named_parameters(network)[NAME].item() == pytest.approx(1.7)


def test_dynamic_adds_what_it_gathered():
    """Kept λ = 3: gradient −10 − 3, to 1.3; then λ ← 3 − 0.5·1.3."""
    network = model(0.0)
    kept = to_bytes({NAME: torch.tensor([3.0], dtype=torch.float64)})
    dynamic = correction_for(network, {"name": "feddyn", "alpha": 0.5}, kept, {})
    step(network, dynamic, 10.0)
    assert named_parameters(network)[NAME].item() == pytest.approx(1.3)
    assert dynamic.keeps(0.1)[NAME].item() == pytest.approx(3 - 0.65)


def test_control_variates_correct_the_step():
    """c 2, own 5: to 1, and 0.1·(5 − 2) on; own ← 5 − 2 + (0 − 1.3)/(1·0.1)."""
    network = model(0.0)
    kept = to_bytes({NAME: torch.tensor([5.0], dtype=torch.float64)})
    variate = correction_for(network, {"name": "scaffold"}, kept, control(2.0))
    step(network, variate, 10.0)
    assert named_parameters(network)[NAME].item() == pytest.approx(1.3)
    assert variate.keeps(0.1)[NAME].item() == pytest.approx(3 - 13)


@pytest.mark.parametrize("name", ["fedavg", "scaffold", "feddyn"])
def test_two_nodes_that_want_different_things_meet_at_the_optimum_of_both(name):
    """Curvatures 1 and 4, goals 0 and 10: the sum is least at 8. FedAvg with many local steps stops short of it."""
    rule = rule_of(name, {"alpha": 0.5} if name == "feddyn" else {})
    current, memory, kept = {"w": np.zeros(1)}, {}, {}
    for _ in range(200):
        sent = []
        for node, (curvature, goal) in enumerate(((1.0, 0.0), (4.0, 10.0))):
            network = model(current["w"][0])
            beside = rule.beside(current, memory)
            told = correction_for(
                network, dict(rule.on_node()), kept.get(node), control(0.0 if beside is None else beside["w"][0])
            )
            for _ in range(8):
                step(network, told, goal, curvature)
            kept[node] = to_bytes(told.keeps(0.1))
            sent.append(
                Reply({"w": named_parameters(network)[NAME].detach().numpy()}, 1.0, node, {"steps": 8.0, "rate": 0.1})
            )
        current, memory = apply(rule, current, memory, sent)
    found = float(current["w"][0])
    assert (abs(found - 8) > 0.5) if name == "fedavg" else found == pytest.approx(8, abs=0.05)


def test_a_personal_model_is_held_near_the_shared_one():
    """Shared 4, pull 1: least at (10 + 4)/2."""
    network = model(0.0)
    pulled = Pulled(network, {"pull": 1.0}, {})
    pulled.shared = {name: torch.full_like(value, 4.0) for name, value in pulled.start.items()}
    for _ in range(200):
        step(network, pulled, 10.0)
    assert named_parameters(network)[NAME].item() == pytest.approx(7)


def test_moon_rewards_the_shared_model_s_embeddings_over_the_last_own_ones():
    network = real()
    plain = correction_for(network, {"name": "moon", "mu": 2.0, "temperature": 0.5}, None, {})
    window = {"ecg": torch.randn(5, 16, 1, generator=torch.Generator().manual_seed(0))}
    assert plain.further_loss(Batch(network.embed(window), window, {})) is None  # no last model yet
    last = to_bytes({name: value + 0.5 for name, value in plain.keeps(0.1).items()})
    moon = correction_for(network, {"name": "moon", "mu": 2.0, "temperature": 0.5}, last, {})
    here = moon.further_loss(Batch(network.embed(window), window, {}))
    here.backward()
    gone = {"ecg": torch.zeros(5, dtype=torch.bool)}
    assert moon.further_loss(Batch(network.embed(window), window, gone)) is None  # nothing was recorded
    put(network, {name: value + 0.5 for name, value in moon.start.items()})
    there = moon.further_loss(Batch(network.embed(window), window, {}))
    assert 0 < here.item() < 2 * np.log(2) < there.item()
    assert any(value.grad is not None and value.grad.abs().sum() > 0 for value in network.encoders.parameters())
    assert all(value.grad is None for value in moon.whole.encoders.parameters())


def test_a_rule_that_the_node_does_not_know_is_refused():
    with pytest.raises(ProtocolError, match="does not know its part"):
        correction_for(model(0.0), {"name": "fedmagic"}, None, {})


def real():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoders = nn.ModuleDict({"ecg": build_encoder("physiological", 1, 16, 8)})
        projections = nn.ModuleDict({"ecg": Projection(STEPS, FEATURE, 8, 16)})
    return Contrast(encoders, projections, torch.optim.SGD(encoders.parameters(), lr=0.1))


def test_which_parts_stay_on_a_node():
    network = real()
    norms = own_names(network, {"name": "personal", "norms": True})
    assert norms and all(value.dim() == 1 for name, value in named_parameters(network).items() if name in norms)
    assert whole_blocks(norms, network) == set()
    last = own_names(network, {"name": "personal", "blocks": ["projection.*"]})
    assert whole_blocks(last, network) == {"projection.ecg"} and not any(name.startswith("encoder") for name in last)
    assert own_names(network, {"name": "fedprox"}) == set()
