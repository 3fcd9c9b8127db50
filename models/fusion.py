"""The classifier over any subset of modalities."""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.projection import Projection


class ModalityBlock(nn.Module):
    """What the head knows of one modality: its projection, its classes' prototypes there, and a hidden layer.

    Everything but the prototypes is copied from the trained projection, so that fine-tuning starts from what binding
    taught and not from a random layer.
    """

    def __init__(self, projection: Projection, classes: int, dropout: float):
        super().__init__()
        self.projection = copy.deepcopy(projection)
        _, norm, first, _, last = projection.layers
        assert isinstance(first, nn.Linear) and isinstance(last, nn.Linear)
        self.width = first.out_features
        self.hidden = nn.Sequential(nn.Flatten(), copy.deepcopy(norm), nn.Dropout(dropout), copy.deepcopy(first))
        self.prompt = copy.deepcopy(projection.prompt)  # of the hidden layer; the projection keeps its own
        self.prototypes = nn.Parameter(torch.randn(classes, last.out_features) / math.sqrt(last.out_features))
        self.dropout = nn.Dropout(dropout)


class FusionClassifier(nn.Module):
    """Cosine to class prototypes in the bound space, plus a hidden layer over the modalities' features.

    logits = scale · cosine( present embeddings joined, present prototypes joined ) + classes( mean of hidden layers )

    The second part starts at zero: after `set_prototypes` an unchanged head is the nearest-prototype classifier of the
    bound space, which is the better one with two labels a class; with eight, the hidden layer adds to it.

    A head is averaged over nodes block by block (`blocks.<modality>.…`, `classes.…`), so nodes with different sensors
    may share it. An absent modality has no influence at all: its features are replaced by zeros before its block and
    its block's outputs are left out, so neither a value nor a NaN there reaches logits or gradients. A sample without
    any modality gets the logits of an all-zero hidden layer.

    A modality in `unseen` was never fine-tuned: it joins the cosine with `borrowed_prototypes`, and a sample that holds
    one is judged by the cosine alone. The second part was learnt beside the tuned modalities' cosine, and with few labels
    mostly takes back where that is too sure of itself; nothing has done so for a modality that was never tuned, so beside
    the second part it would shout the others down. In the bound space all speak in one unit.
    """

    def __init__(
        self,
        modalities: Sequence[str],
        steps: int,
        feature: int,
        classes: int,
        projections: Mapping[str, Projection] | None = None,
        dropout: float = 0.2,
        scale: float = 16.0,  # inverse temperature of the cosine part
        prompts: Sequence[str] = (),  # modalities of whose presence every block is told
        unseen: Sequence[str] = (),  # modalities that were never fine-tuned
        takes: str = "both",  # `bound` embeddings alone (the cosine), `latents` alone (the hidden layer), or both
    ):
        super().__init__()
        given = projections or {}
        self.blocks = nn.ModuleDict(
            {
                m: ModalityBlock(given[m] if m in given else Projection(steps, feature), classes, dropout)
                for m in modalities
            }
        )
        last = nn.Linear(self.block(modalities[0]).width, classes)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.classes = nn.Sequential(nn.GELU(), nn.Dropout(dropout), last)
        self.scale = scale
        self.prompts = tuple(prompts)
        self.unseen = frozenset(unseen)
        if takes not in ("both", "bound", "latents"):
            raise ValueError(f"a head takes both, bound or latents, not {takes!r}")
        self.takes = takes

    def block(self, modality: str) -> ModalityBlock:
        """The part of one modality; raises KeyError for one that the head was not built for."""
        block = self.blocks[modality]
        assert isinstance(block, ModalityBlock)
        return block

    def forward(self, features: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> Tensor:
        """(batch, step, feature) per modality -> logits (batch, class); arguments and errors as those of `parts`."""
        return self.joined(*self.parts(features, present))

    def joined(self, cosine: Tensor, second: Tensor) -> Tensor:
        """Logits from the two parts, (batch, class) each: of both, or of the one by which the head judges."""
        if self.takes == "both":
            return cosine + second
        return cosine if self.takes == "bound" else second

    def parts(
        self, features: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """(batch, step, feature) per modality -> the scaled cosine and the hidden layer's say, logits (batch, class) each.

        `present[modality]` is a boolean (batch,); left out, every modality given is present. Modalities of the head
        that are not given at all are absent. Raises KeyError for a modality without a block, ValueError without any.
        """
        if not features:
            raise ValueError("no modality given")
        first = next(iter(features.values()))
        hidden = agreement = length = count = unseen = first.new_zeros(())
        presence = self._told(features, present)
        for modality, steps in features.items():
            block = self.block(modality)
            here = _presence(steps, modality, present)  # (batch,)
            filled = torch.where(here[:, None, None], steps, torch.zeros_like(steps))
            layer = block.hidden(filled)  # (batch, hidden)
            if block.prompt is not None:
                layer = layer + block.prompt(presence)
            hidden = hidden + torch.where(here[:, None], layer, torch.zeros_like(layer))
            cosine = block.dropout(block.projection(filled, presence)) @ block.prototypes.T  # (batch, class)
            agreement = agreement + torch.where(here[:, None], cosine, torch.zeros_like(cosine))
            share = here.to(steps.dtype)[:, None]
            length = length + share * block.prototypes.square().sum(dim=1)  # (batch, class)
            count = count + share
            unseen = unseen + share * (modality in self.unseen)
        some = count.clamp(min=1.0)
        cosine = agreement / (some * length.clamp(min=1e-12)).sqrt()
        second = self.classes(hidden / some)
        if self.unseen:
            second = torch.where(unseen > 0, torch.zeros_like(second), second)
        return self.scale * cosine, second

    def embed(self, features: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Unit rows (batch, out) in the bound space, by modality; (batch, step, feature) each."""
        presence = self._told(features, present)
        return {m: self.block(m).projection(steps, presence) for m, steps in features.items()}

    @torch.no_grad()
    def set_prototypes(
        self, features: Mapping[str, Tensor], label: Tensor, present: Mapping[str, Tensor] | None = None
    ) -> None:
        """Sets each class's prototype to the mean embedding of its labelled samples, (batch, step, feature) and (batch,).

        A class without samples of a modality keeps its prototype there.
        """
        for modality, here, embedding in self._embedded(features, present):
            block = self.block(modality)
            for index in label[here].unique().tolist():
                block.prototypes[index] = embedding[label[here] == index].mean(dim=0)

    @torch.no_grad()
    def class_sums(
        self, features: Mapping[str, Tensor], label: Tensor, present: Mapping[str, Tensor] | None = None
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """What `set_prototypes` takes the means of, as sums that add up over nodes; arguments as there.

        By modality: labelled samples of each class (class,), and the sum of their embeddings (class, out); both in double
        precision.
        """
        found = {}
        for modality, here, embedding in self._embedded(features, present):
            own, classes = label[here], len(self.block(modality).prototypes)
            total = torch.zeros(classes, embedding.shape[1], dtype=torch.float64)
            total.index_add_(0, own, embedding.double())
            found[modality] = (torch.bincount(own, minlength=classes).double(), total)
        return found

    def _embedded(
        self, features: Mapping[str, Tensor], present: Mapping[str, Tensor] | None
    ) -> Iterator[tuple[str, Tensor, Tensor]]:
        """Modality, who holds it (batch,), and their embeddings (sample, out)."""
        presence = self._told(features, present)
        for modality, steps in features.items():
            here = _presence(steps, modality, present)
            projection = self.block(modality).projection
            yield modality, here, projection(steps[here], None if presence is None else presence[here])

    def _told(self, features: Mapping[str, Tensor], present: Mapping[str, Tensor] | None) -> Tensor | None:
        """Which of the modalities in `prompts` each sample holds, (batch, prompt) of 0 and 1; None without prompts."""
        if not self.prompts:
            return None
        first = next(iter(features.values()))
        nobody = first.new_zeros(len(first))
        flags = [_presence(features[m], m, present).to(first.dtype) if m in features else nobody for m in self.prompts]
        return torch.stack(flags, dim=1)


def _presence(steps: Tensor, modality: str, present: Mapping[str, Tensor] | None) -> Tensor:
    if present is None or modality not in present:
        return torch.ones(len(steps), dtype=torch.bool, device=steps.device)
    return present[modality]


def borrowed_prototypes(tuned: Sequence[Tensor]) -> Tensor:
    """Prototypes (class, d) of a modality that was never fine-tuned, from those of the ones that were, (class, d) each.

    Binding makes embeddings of one event agree whatever sensor they come from, so a class lies in one direction of the
    bound space: the mean of the tuned modalities' directions. In the head's cosine, Σ_m e_m·p_m / √(n Σ_m |p_m|²), a
    modality weighs by the length of its prototype; so a borrowed one is as long as the tuned ones are in the mean, and
    shorter where their directions disagree. With a single tuned modality it is that one's prototype.
    """
    directions = torch.stack([F.normalize(each, dim=1) for each in tuned]).mean(dim=0)
    return directions * torch.stack([each.norm(dim=1, keepdim=True) for each in tuned]).mean(dim=0)


def nearest_prototype(embedding: Tensor, label: Tensor, query: Tensor) -> Tensor:
    """The class whose mean embedding is nearest by cosine: (sample, d), (sample,), (query, d) -> class index (query,)."""
    classes = label.unique()
    means = F.normalize(torch.stack([embedding[label == index].mean(dim=0) for index in classes]), dim=1)
    return classes[(F.normalize(query, dim=1) @ means.T).argmax(dim=1)]
