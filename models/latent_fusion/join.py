"""Where the latents of several modalities become one grid."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

Presence = Mapping[str, Tensor]  # modality -> bool (batch,) or (batch, window)


class JoinBlock(nn.Module):
    """What the join knows of one modality: how its latents are read, and how much each channel listens to it."""

    def __init__(self, latent: int, width: int, patch: int):
        super().__init__()
        self.read = nn.Conv2d(latent, width, patch, stride=patch)
        self.gate = nn.Parameter(torch.zeros(width))


class Join(nn.Module):
    """joined = Σ_m w_m ∘ read_m(latents_m) over the modalities present, w the softmax of their gates, channel by channel.

    With all modalities present this can say whatever latents put one behind the other and a 1×1 convolution can. With
    fewer, the others' weights grow so that they sum to one again, and the scale stays. One modality more costs one
    small convolution (0.07 % of the patch encoder's work); the Conv-LSTM and all behind it never notice. To ignore a
    useless modality it takes one gate per channel, not the whole of its convolution.

    Blocks are named after their modality, so nodes with different sensors may average what they share.
    """

    def __init__(self, latent: Mapping[str, int], width: int, patch: int):
        super().__init__()
        self.width, self.patch = width, patch
        self.blocks = nn.ModuleDict({name: JoinBlock(numbers, width, patch) for name, numbers in latent.items()})

    def block(self, modality: str) -> JoinBlock:
        """The part of one modality; raises KeyError for one that it was not built for."""
        block = self.blocks[modality]
        assert isinstance(block, JoinBlock)
        return block

    def forward(self, latents: Mapping[str, Tensor], present: Presence | None = None) -> tuple[Tensor, Tensor | None]:
        """(batch, window, number, h, w) per modality -> joined (batch, window, width, h', w'), seen (batch, window).

        What is absent is replaced by zeros before it is read and weighs nothing, so neither a value nor a NaN there
        reaches the result or a gradient. `seen` is None where nothing can be absent. Raises ValueError without any
        modality, KeyError for one without a block.
        """
        if not latents:
            raise ValueError("no modality given")
        first = next(iter(latents.values()))
        batch, windows = first.shape[:2]
        if present is None:
            return self._all(latents).unflatten(0, (batch, windows)), None
        gates = self._gates(latents)
        read, weight, seen = [], [], torch.zeros(batch, windows, dtype=torch.bool, device=first.device)
        for (modality, each), gate in zip(latents.items(), gates, strict=True):
            here = presence(each, modality, present)  # (batch, window)
            known = torch.where(here[:, :, None, None, None], each, torch.zeros_like(each))
            read.append(self.block(modality).read(known.flatten(0, 1)).unflatten(0, (batch, windows)))
            weight.append(here[:, :, None] * gate)  # (batch, window, width)
            seen = seen | here
        total = torch.stack(weight).sum(dim=0)
        total = torch.where(total > 0, total, torch.ones_like(total))
        joined = torch.stack([one * (by / total)[..., None, None] for one, by in zip(read, weight, strict=True)])
        return joined.sum(dim=0), seen

    def _gates(self, latents: Mapping[str, Tensor]) -> Tensor:
        """exp of the gates, (modality, width), at most 1."""
        gates = torch.stack([self.block(modality).gate for modality in latents])
        return (gates - gates.amax(dim=0).detach()).clamp(min=-60.0).exp()

    def _all(self, latents: Mapping[str, Tensor]) -> Tensor:
        """Of modalities that are all present: (batch · window, width, h', w'); as one convolution where widths agree."""
        weight = self._gates(latents)
        weight = weight / weight.sum(dim=0)
        blocks = [self.block(modality) for modality in latents]
        together = torch.cat([each.flatten(0, 1) for each in latents.values()], dim=1)
        kernel = torch.cat(
            [block.read.weight * by[:, None, None, None] for block, by in zip(blocks, weight, strict=True)], dim=1
        )
        bias = torch.stack([block.read.bias * by for block, by in zip(blocks, weight, strict=True)]).sum(dim=0)
        return torch.nn.functional.conv2d(together, kernel, bias, stride=self.patch)


def presence(latents: Tensor, modality: str, present: Presence) -> Tensor:
    """Which windows of a modality are there, (batch, window); all of them where nothing is said."""
    here = present.get(modality)
    if here is None:
        return torch.ones(latents.shape[:2], dtype=torch.bool, device=latents.device)
    return here if here.ndim == 2 else here[:, None].expand(latents.shape[:2])


def modalities_of(latent: int | Mapping[str, int], modalities: Sequence[str]) -> dict[str, int]:
    """How many numbers a cell of each modality has."""
    return {name: latent if isinstance(latent, int) else latent[name] for name in modalities}
