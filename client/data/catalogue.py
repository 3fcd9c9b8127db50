"""The data sets by name."""

from client.data.cards import Dataset
from client.data.utd_mhad import UtdMhad

DATASETS: dict[str, Dataset] = {each.card.name: each for each in (UtdMhad(),)}
