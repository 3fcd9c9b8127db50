"""The data sets by name."""

from client.data.briareo import Briareo
from client.data.dhg import Dhg
from client.data.gr4dhci import Gr4dhci
from client.data.mmfi import MmFi
from client.data.motionsense import MotionSense
from client.data.own.dataset import OwnRecordings
from client.data.pamap2 import Pamap2
from client.data.realworld import RealWorld
from client.data.shoaib import Shoaib
from client.data.source import Dataset
from client.data.sun_rgbd import SunRgbd
from client.data.utd_mhad import UtdMhad
from client.data.wearable_sim import WearableSim
from client.data.wesad import Wesad
from configs.errors import unknown_name

DATASETS: dict[str, Dataset] = {
    each.card.name: each
    for each in (
        UtdMhad(),
        MmFi(),
        Pamap2(),
        SunRgbd(),
        MotionSense(),
        Shoaib(),
        RealWorld(),
        Gr4dhci(),
        Dhg(),
        Briareo(),
        Wesad(),
        OwnRecordings(),
        WearableSim(),
    )
}


def dataset(name: str) -> Dataset:
    """The data set of this name; UserError with the nearest where there is none."""
    if name not in DATASETS:
        raise unknown_name("data set", name, DATASETS)
    return DATASETS[name]
