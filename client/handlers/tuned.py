"""Fine-tuning under a node's part of the aggregation rule, where several nodes fine-tune and are aggregated."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from client.handlers.corrected import begun, keep, own_kept, own_part, told, trained_first
from client.node import Node
from client.training.correction import Pulled
from client.training.finetune import Augment, Labelled, Tuning, tune_epoch
from client.training.local_part import LocalCorrection, Named, named_parameters, put
from client.training.personal import own_names
from configs.schema import FineTuneSettings
from models.blocks import Block
from protocol.payload import Payload


class TrackPart:
    """One message of a track: begun with the networks as they came, before anything is changed in them.

    What a node sends is the moving average of its weights, where one is kept; so that is what the rule's part is told of,
    too. Rates differ between what was pre-trained and what was not: the rule is told the quicker one's, in the mean over
    the steps, and what it adds to a step is added at that one.
    """

    def __init__(self, node: Node, question: Payload, tuning: Tuning):
        self.node, self.question, self.tuning = node, question, tuning
        self.asked, self.track = question.info["correction"], str(question.info["track"])
        first, epochs = int(question.info["first_epoch"]), int(question.info["epochs"])
        self.first, self.round = first, (first - 1) // epochs + 1
        self.before = own_kept(node, own_part(self.track)) if first > 1 else {}
        self.own = own_names(tuning, self.asked)
        if self.own:
            put(tuning, self.before)
        purpose = ("finetune", self.track, self.round)
        self.correction: LocalCorrection = begun(node, question, tuning, self.before, *purpose)
        self.ahead = trained_first(tuning, self.asked)

    def finish(
        self, fresh: Callable[[], Tuning], prepare: Callable[[Tuning], None], train: Labelled, seed: int,
        augment: Augment,
    ) -> dict[str, float]:  # fmt: skip
        """Puts into the store what stays on the node; returns the numbers that the rule asks for."""
        self.tuning.settle()
        rate = self.correction.length / max(self.correction.steps, 1)
        keeps = self.correction.keeps(rate)
        if self.own:
            keeps = _named(self.tuning, self.own)
        if self.asked.get("name") == "ditto":
            keeps = self._personal(fresh(), prepare, train, seed, augment)
        keep(self.node, keeps, own_part(self.track))
        return told(self.asked, self.correction, rate)

    def leaving(self, blocks: Mapping[str, Block]) -> dict[str, Block]:
        """Blocks as they leave the node: what is its own goes back as it came."""
        came = self.question.blocks
        return {
            name: {k: came[name][k] if f"{name}/{k}" in self.own else v for k, v in block.items()}
            for name, block in blocks.items()
        }

    def _personal(
        self, model: Tuning, prepare: Callable[[Tuning], None], train: Labelled, seed: int, augment: Augment
    ) -> Named:
        """Ditto: the node's own network, as many epochs, held near the shared one as it came."""
        put(model, self.before)
        pulled = Pulled(model, self.asked, {})
        pulled.shared = self.correction.start
        prepare(model)
        model.epoch = self.first - 1
        for _ in range(int(self.question.info["epochs"])):
            tune_epoch(model, train, self.node.experiment.finetune, seed, augment, pulled)
        model.settle()
        return _named(model, set(named_parameters(model)))


def tuned_under(
    part: TrackPart | None, tuning: Tuning, train: Labelled, settings: FineTuneSettings, seed: int, augment: Augment
) -> float:
    """One epoch; where the rule has some parameters trained before the others, one pass over each. Returns the loss."""
    if part is None:
        return tune_epoch(tuning, train, settings, seed, augment)
    if part.ahead is None:
        return tune_epoch(tuning, train, settings, seed, augment, part.correction)
    tune_epoch(tuning, train, settings, seed, augment, part.correction, part.ahead)
    tuning.epoch -= 1  # the second pass is of the same epoch
    others = set(named_parameters(tuning)) - part.ahead
    return tune_epoch(tuning, train, settings, seed, augment, part.correction, others)


def _named(tuning: Tuning, names: set[str]) -> Named:
    return {name: value.detach().clone() for name, value in named_parameters(tuning).items() if name in names}
