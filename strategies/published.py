"""Published multimodal systems as rules put together by block, as far as their definitions carry over to bound nodes.

What each leaves out is said with it. MFedMC is in `strategies.mfedmc`, FLISM and AutoFed in files of their names, and
FedMultimodal's averaging of whole models is `strategies.zero_filled`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from strategies.fedavg import FedAvg
from strategies.modality_bias import ModalityBias
from strategies.per_node import PerNode
from strategies.rule import Rule

FUSION = "head."  # blocks of the network that fuses modalities and tells classes; all others are of one modality


class ByPart(Rule, ABC):
    """One rule for the parts of a single modality, another for fusion."""

    def unimodal(self) -> Rule:
        """The rule of encoders and projections."""
        return FedAvg()

    @abstractmethod
    def fusion(self) -> Rule:
        """The rule of the head."""

    def for_block(self, name: str) -> Rule:
        """By the block's name."""
        return self.fusion() if name.startswith(FUSION) else self.unimodal()


@dataclass(frozen=True)
class Harmony(ByPart):
    """Ouyang et al. (MobiSys 2023): encoders modality by modality, then fusion in clusters of like modality bias.

    Left out: the balancing of training time between modalities, which changes when nodes work and not what is averaged.
    """

    clusters: int = 2

    def fusion(self) -> Rule:
        """Clustered."""
        return ModalityBias(self.clusters)


@dataclass(frozen=True)
class Blossom(ByPart):
    """Pranav et al. (arXiv 2603.27552): blocks are averaged over the clients that have them, task-specific ones private."""

    def fusion(self) -> Rule:
        """Each node's own."""
        return PerNode()
