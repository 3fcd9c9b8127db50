"""The fused optimiser against the one that goes parameter by parameter, and its state after a reload."""

import pytest
import torch

from models.optimiser import adamw


def _steps(optimiser: torch.optim.Optimizer, weight: torch.nn.Parameter, count: int) -> None:
    for _ in range(count):
        optimiser.zero_grad(set_to_none=True)
        (weight.sin() * torch.arange(float(weight.numel())).view_as(weight)).sum().backward()
        optimiser.step()


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_the_fused_steps_are_those_of_the_plain_optimiser(decay: float) -> None:
    fused, plain = (torch.nn.Parameter(torch.linspace(-1, 1, 12).view(3, 4)) for _ in range(2))
    _steps(adamw([fused], 0.01, decay), fused, 20)
    _steps(torch.optim.AdamW([plain], lr=0.01, weight_decay=decay, foreach=False), plain, 20)
    torch.testing.assert_close(fused, plain, rtol=1e-5, atol=1e-7)


def test_a_parameter_without_gradient_stays() -> None:
    idle, busy = torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(3))
    optimiser = adamw([{"params": [idle]}, {"params": [busy]}], 0.01, 0.1)
    _steps(optimiser, busy, 2)
    assert torch.equal(idle, torch.ones(3))
    assert not torch.equal(busy, torch.ones(3))
