"""Copies of one small network, each with weights and samples of its own, trained side by side by plain SGD.

A step of a small network costs more in calls than in numbers. Copies of equal shape share the calls: their weights lie in one
tensor with the copies in front, and each layer is one batched matrix product. A layer takes its own step while gradients
come back through it, in the product that makes the gradient, so that gradients of weights are never written to memory.

The slow twin is `torch.optim.SGD` on each copy by itself; sums run in another order, so results differ in the last bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

ALIKE = (
    nn.ReLU,
    nn.GELU,
    nn.Tanh,
    nn.Sigmoid,
    nn.Identity,
)  # layers without weights that look at each number by itself


class _Step(torch.autograd.Function):
    """A linear layer of every copy, which takes its SGD step on the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, start: Tensor, weight: Tensor, bias: Tensor, rate: float) -> Tensor:
        """(copy, batch, in) -> (copy, batch, out); `start` only makes gradients come back."""
        ctx.x, ctx.weight, ctx.bias, ctx.rate = x, weight, bias, rate
        return torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, None, None, None, None]:
        """The gradient of the input, by the weights as they were; then the step."""
        (gradient,) = gradients
        before = torch.bmm(gradient, ctx.weight) if ctx.needs_input_grad[0] else None
        ctx.weight.baddbmm_(gradient.transpose(1, 2), ctx.x, alpha=-ctx.rate)
        ctx.bias.sub_(gradient.sum(1), alpha=ctx.rate)
        return before, None, None, None, None


def can_stack(network: nn.Module) -> bool:
    """Whether it is a chain of linear layers with a bias and layers that look at each number by itself."""
    return isinstance(network, nn.Sequential) and all(
        type(layer) in ALIKE or (type(layer) is nn.Linear and layer.bias is not None) for layer in network
    )


class Stacked:
    """`copies` of a network as its weights are; raises ValueError where it is none that `can_stack`."""

    def __init__(self, network: nn.Module, copies: int):
        if not can_stack(network):
            raise ValueError("only chains of linear layers and layers without weights can be stacked")
        self.layers = list(network.children())
        self.weights = {
            name: value.detach().expand(copies, *value.shape).clone(memory_format=torch.contiguous_format)
            for name, value in network.named_parameters()
        }
        self._start = torch.zeros((), requires_grad=True)

    def step(self, x: Tensor, label: Tensor, rate: float) -> Tensor:
        """One step of every copy on its own samples; the cross-entropy of each before it, (copy,).

        x      (copy, batch, in)
        label  int64 (copy, batch)
        """
        found = x
        for at, layer in enumerate(self.layers):
            if isinstance(layer, nn.Linear):
                weight, bias = self.weights[f"{at}.weight"], self.weights[f"{at}.bias"]
                found = _Step.apply(found, self._start, weight, bias, rate)
            else:
                found = layer(found)
        each = cross_entropy(found.flatten(0, 1), label.flatten(), reduction="none").view(label.shape).mean(1)
        each.sum().backward()
        return each.detach()

    def of(self, copy: int) -> Mapping[str, Tensor]:
        """The weights of one copy, as views."""
        return {name: value[copy] for name, value in self.weights.items()}
