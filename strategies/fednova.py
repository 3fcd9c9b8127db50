"""FedNova: updates are divided by how many steps they took before they are averaged (Wang et al., NeurIPS 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from strategies.rule import Block, MeanLike, Memory, Reply, like, without_a_step
from strategies.sums import Sums


@dataclass
class _Gathered:
    mean: Sums  # by weight over steps
    weight: float = 0.0
    steps: float = 0.0  # weight times steps
    counts: float = 0.0  # weight over steps


@dataclass(frozen=True)
class FedNova(MeanLike):
    """server_rate  1 is the paper's

    With τᵢ steps and shares pᵢ the paper's x − (Σ pᵢτᵢ)·Σ pᵢ(x − yᵢ)/τᵢ equals x − (Σ pᵢτᵢ)(Σ pᵢ/τᵢ)(x − m), where m
    is the mean of the yᵢ by pᵢ/τᵢ: one sum over nodes. The steps are taken to be plain ones (‖aᵢ‖ = τᵢ), which for nodes
    that use Adam is an approximation.
    """

    server_rate: float = 1.0
    needs: ClassVar[tuple[str, ...]] = ("steps",)

    def counts(self, reply: Reply) -> float:
        """The weight over the steps."""
        return reply.weight / reply.facts["steps"]

    def unusable(self, reply: Reply) -> str | None:
        """Nor where it took no step."""
        return super().unusable(reply) or without_a_step(reply)

    def begin(self, current: Block, memory: Memory, total: float | None = None) -> _Gathered:  # type: ignore[override]
        """An empty sum."""
        return _Gathered(Sums(current, total))

    def add(self, gathered: _Gathered, current: Block, memory: Memory, reply: Reply) -> None:  # type: ignore[override]
        """Adds the reply and its steps."""
        gathered.mean.add(reply.block, self.counts(reply))
        gathered.weight += reply.weight
        gathered.steps += reply.weight * reply.facts["steps"]
        gathered.counts += self.counts(reply)

    def finish(self, gathered: _Gathered, current: Block, memory: Memory) -> tuple[Block, Memory]:  # type: ignore[override]
        """The current block moved towards the mean."""
        mean = gathered.mean.mean()
        far = self.server_rate * (gathered.steps / gathered.weight) * (gathered.counts / gathered.weight)
        moved = {name: value + far * (np.asarray(mean[name], np.float64) - value) for name, value in current.items()}
        return like(moved, current), memory

    def on_node(self) -> dict[str, object]:
        """Nodes tell how many steps they took."""
        return {"tell": ["steps"]}
