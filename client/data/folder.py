"""Finds a data set's own folder under the path the user named, or says how it must lie."""

from collections.abc import Callable, Sequence
from pathlib import Path

from client.data.cards import DatasetCard
from configs.errors import UserError


def wrong_folder(card: DatasetCard, root: Path | None, what: str) -> UserError:
    """The error that shows the tree the data set must lie in, and where it is published."""
    return UserError(
        what=what,
        where=str(root) if root is not None else f"data set {card.name}",
        expected="this tree:\n" + "\n".join("    " + line for line in card.tree.splitlines()),
        todo=f"describe the folder in a dataset.yaml; {card.published_at} tells how"
        if card.described_by_folder
        else f"get {card.title} from {card.published_at} and name the folder that holds this tree",
    )


def existing(card: DatasetCard, root: Path | None) -> Path:
    """`root` as a path that is there and, if a folder, not empty. Raises UserError."""
    if root is None:
        raise wrong_folder(card, root, f"data set {card.name} needs a folder, and none was named")
    root = Path(root)
    if not root.exists():
        raise wrong_folder(card, root, "there is no such folder")
    if root.is_dir() and not any(root.iterdir()):
        raise wrong_folder(card, root, "the folder is empty")
    return root


def find_home(card: DatasetCard, root: Path | None, is_home: Callable[[Path], bool], children: Sequence[str]) -> Path:
    """`root`, or the child of it by one of these names, that `is_home`. Raises UserError where neither is."""
    root = existing(card, root)
    for place in (root, *(root / child for child in children)):
        if place.is_dir() and is_home(place):
            return place
    raise wrong_folder(card, root, f"this is not the folder of {card.title}")
