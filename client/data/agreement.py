"""Whether the data sets of one experiment can be read as one: alike in what a network sees, and in what is tested."""

from __future__ import annotations

from collections.abc import Mapping

from client.data.cards import DatasetCard, ModalityCard
from configs.errors import UserError, unknown_name
from configs.schema import ROLES, Experiment


def check_agreement(experiment: Experiment, cards: Mapping[str, DatasetCard]) -> None:
    """Raises UserError, with both data sets named, where what must be alike is not.

    cards  by key path, under the experiment's names; one that is described by a folder yet unknown says nothing
    """
    _check_shapes(experiment, cards)
    for group in experiment.groups:
        kept_classes(experiment, group, cards[experiment.data_path(group)])
    heads = {path: cards[path] for path in dict.fromkeys(map(experiment.data_path, ROLES)) if cards[path].classes}
    if len({card.classes for card in heads.values()}) > 1:
        (tuned, first), (tested, second) = heads.items()
        raise UserError(
            f"groups finetune and test have other classes: {', '.join(first.classes)} ({tuned}) and "
            f"{', '.join(second.classes)} ({tested})",
            where=f"{tested}.classes",
            expected="the same words in the same order",
            todo="name `classes` of both: {word of the experiment: word in the data set}",
        )


def kept_classes(experiment: Experiment, group: str, card: DatasetCard) -> set[int] | None:
    """Places of the classes whose recordings a group holds, None for all. Raises UserError for one there is not."""
    words = experiment.groups[group].classes
    if words is None:
        return None
    for word in words if card.classes else ():
        if word not in card.classes:
            raise unknown_name("class", word, card.classes, where=f"groups.{group}.classes")
    return {card.classes.index(word) for word in words if word in card.classes}


def _check_shapes(experiment: Experiment, cards: Mapping[str, DatasetCard]) -> None:
    """One modality is of one kind, with as many channels laid out alike, in every data set; and in one unit, or scaled."""
    first: dict[str, tuple[str, ModalityCard]] = {}
    for path, card in cards.items():
        for name, told in card.modalities.items():
            other, known = first.setdefault(name, (path, told))
            if (told.kind, told.channels, told.layout) != (known.kind, known.channels, known.layout):
                raise UserError(
                    f"{name} is {_shape(told)} in {path} ({card.title}), and {_shape(known)} in {other} "
                    f"({cards[other].title})",
                    where=f"{path}.modalities.{name}",
                    expected="one kind, as many channels, laid out alike in every data set",
                    todo=f"read another sensor by {path}.rename.{name}, or give what differs another name",
                )
            plain = [p for p in (path, other) if experiment.data_read[p].normalise == "none"]
            if told.unit != known.unit and plain:
                raise UserError(
                    f"{name} is in {told.unit} in {path}, in {known.unit} in {other}, and nothing brings them to one scale",
                    where=f"{plain[0]}.normalise = none",
                    expected="federated, per_node or per_subject",
                )


def _shape(card: ModalityCard) -> str:
    layout = f" as {' × '.join(map(str, card.layout))}" if card.layout else ""
    return f"{card.kind} with {card.channels} channel{'s' * (card.channels != 1)}{layout}"
