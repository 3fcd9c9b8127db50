"""The data sets by name."""

from client.data.cards import Dataset
from client.data.motionsense import MotionSense
from client.data.utd_mhad import UtdMhad
from client.data.wesad import Wesad

DATASETS: dict[str, Dataset] = {each.card.name: each for each in (UtdMhad(), MotionSense(), Wesad())}
