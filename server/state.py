"""What a job knows at a moment, as a value; its networks are saved as one safetensors file per block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from configs.errors import UserError
from protocol.manifest import Manifest
from protocol.payload import Block
from server.binding.bind import Embedded, Pairs, no_pairs
from server.binding.steps import Step


@dataclass(frozen=True)
class JobState:
    """One job between two phases."""

    manifests: Mapping[int, Manifest] = field(default_factory=dict)
    # Group -> `moments.<modality>` blocks; groups that read one data set have the same.
    normalisation: Mapping[str, Mapping[str, Block]] = field(default_factory=dict)
    blocks: Mapping[str, Block] = field(default_factory=dict)
    embedded: Mapping[str, Mapping[int, Embedded]] = field(
        default_factory=dict
    )  # for `bind`: modality -> node -> samples
    pairs: Pairs = field(default_factory=no_pairs)
    undecided: Pairs = field(default_factory=no_pairs)  # too alike to be negatives of each other
    steps: Sequence[Step] = ()  # which two groups were bound by which modality
    handles: Mapping[int, np.ndarray] = field(default_factory=dict)  # what each node said it holds, by partition
    memory: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # phase -> block -> what the rule remembers
    pairing: Mapping[str, object] | None = None
    result: Mapping[str, object] = field(default_factory=dict)

    @property
    def samples(self) -> dict[int, int]:
        """How many samples each node said it holds."""
        return {partition: manifest.samples for partition, manifest in self.manifests.items()}

    def statistics(self, partition: int, only: Iterable[str] | None = None, kind: str = "moments.") -> dict[str, Block]:
        """What a node's data set was agreed to be normalised by: `moments.<modality>` blocks of the modalities it holds.

        only  of these modalities alone, as far as it holds them
        kind  "latents." for the axes of latents, "mixture." for how signals are mixed, which a node is told once
        """
        told = self.manifests[partition]
        wanted = set(told.modalities) if only is None else set(told.modalities) & set(only)
        blocks = self.normalisation.get(told.group, {})
        return {
            name: block for name, block in blocks.items() if name.partition(".")[2] in wanted and name.startswith(kind)
        }

    def members(self, *groups: str) -> list[int]:
        """Partitions of these groups that hold a sample, in rising order."""
        return sorted(p for p, m in self.manifests.items() if m.group in groups and m.samples)


def save_blocks(blocks: Mapping[str, Block], folder: Path) -> None:
    """One file per block, replaced in one step each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, block in blocks.items():
        beside = folder / f".{name}.tmp"
        save_file({key: np.asarray(value, order="C") for key, value in block.items()}, beside)
        beside.replace(folder / f"{name}.safetensors")


def load_blocks(folder: Path) -> dict[str, Block]:
    """What `save_blocks` wrote; raises UserError for a file that it did not."""
    return {path.name.removesuffix(".safetensors"): _loaded(path) for path in sorted(folder.glob("*.safetensors"))}


def _loaded(path: Path) -> Block:
    try:
        return load_file(path)
    except (SafetensorError, ValueError) as error:
        raise UserError(
            f"a network that a run left cannot be read: {error}", where=str(path), expected="the file as the run wrote it",
            todo="run that job again in another folder, or bring the file back from a copy",
        ) from error  # fmt: skip
