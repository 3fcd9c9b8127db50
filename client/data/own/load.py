"""Reads a folder's dataset.yaml, and tells all that is wrong with it at once."""

from pathlib import Path

from client.data.cards import DatasetCard
from client.data.folder import existing, wrong_folder
from client.data.own.description import Description
from configs.errors import UserError
from configs.faults import faults_of
from configs.yaml_text import read_yaml

NAMES = ("dataset.yaml", "dataset.yml")


def description_of(card: DatasetCard, root: Path | None) -> tuple[Path, Description]:
    """The folder and what its dataset.yaml says. Raises UserError where there is none, or for all its faults."""
    root = existing(card, root)
    path = next((root / name for name in NAMES if (root / name).is_file()), None)
    if path is None:
        raise wrong_folder(card, root, f"this is not the folder of {card.title}: it holds no {NAMES[0]}")
    tree = read_yaml(path, path.name)
    todo = f"{card.published_at} describes {NAMES[0]}"
    if not isinstance(tree, dict):
        raise UserError(f"{path.name} is empty or not a mapping", str(path), expected="key: value lines", todo=todo)
    lines = faults_of(Description, {str(key): value for key, value in tree.items()})
    if lines:
        told = "".join(f"\n  - {line}" for line in lines)
        raise UserError(f"{len(lines)} fault{'s' * (len(lines) > 1)} in {path.name}{told}", where=str(path), todo=todo)
    return root, Description.model_validate(tree)
