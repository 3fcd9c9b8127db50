"""What a node says of itself: read whole or refused."""

import copy
import json
from dataclasses import asdict

import pytest

from protocol.limits import MOST_CLASSES, MOST_SAMPLES_PER_NODE
from protocol.manifest import Manifest, ModalityManifest
from protocol.payload import ProtocolError

MANIFEST = Manifest(
    partition=3,
    group="a",
    samples=10,
    labelled=4,
    modalities={"gyroscope": ModalityManifest("inertial", 120, 3, 50.0, 9)},
    classes=["walk", "run"],
    simulated=False,
    device="aarch64, 4 cores",
    skipped=1,
    handles="0f",
)


def told():
    return copy.deepcopy(asdict(MANIFEST))


def test_a_manifest_comes_back_from_json():
    assert Manifest.from_info(json.loads(json.dumps(asdict(MANIFEST)))) == MANIFEST


@pytest.mark.parametrize("layout", [[3], [1, 3], (3, 1, 1), []])
def test_a_layout_that_makes_the_channels_comes_back_as_a_tuple(layout):
    told_layout = (
        Manifest.from_info(json.loads(json.dumps({**told(), **sensor(layout=layout)}))).modalities["gyroscope"].layout
    )
    assert told_layout == tuple(layout)


def test_a_node_without_a_sample_may_say_so():
    empty = {**told(), "samples": 0, "labelled": 0, "modalities": {}}
    assert Manifest.from_info(empty).samples == 0


def sensor(**changes):
    return {"modalities": {"gyroscope": {**told()["modalities"]["gyroscope"], **changes}}}


@pytest.mark.parametrize(
    "change",
    [
        {"samples": -1}, {"samples": MOST_SAMPLES_PER_NODE + 1}, {"samples": 1.5}, {"samples": "10"}, {"samples": None},
        {"samples": True}, {"labelled": -1}, {"labelled": 11}, {"skipped": -1}, {"skipped": "all"},
        {"classes": []}, {"classes": ["x"] * (MOST_CLASSES + 1)}, {"classes": [1, 2]}, {"classes": "walk"},
        {"partition": "3"}, {"partition": [3]}, {"partition": 3.0}, {"partition": -1}, {"group": ["a"]}, {"group": None},
        {"simulated": "no"}, {"device": 7},
        {"modalities": None}, {"modalities": ["gyroscope"]}, {"modalities": {"gyroscope": 3}},
        sensor(frames=0), sensor(frames=1_000_001), sensor(frames="120"), sensor(channels=0), sensor(channels=1_000_001),
        sensor(channels=3.0), sensor(samples=-1), sensor(samples=11), sensor(rate_hz=0.0), sensor(rate_hz="50"),
        sensor(rate_hz=float("nan")), sensor(rate_hz=float("inf")), sensor(kind=5), sensor(raw=[1.0, 2.0]),
        sensor(layout=[2, 2]), sensor(layout=[3, 0]), sensor(layout=[-1, -3]), sensor(layout=[3.0]), sensor(layout="3"),
        sensor(layout=[1, 1, 1, 1, 3]), sensor(layout=3), sensor(layout=None), sensor(layout=[True, 3]), sensor(layout=[[3]]),
    ],
    ids=str,
)  # fmt: skip
def test_sizes_out_of_bounds_and_other_types_are_refused(change):
    with pytest.raises(ProtocolError, match="manifest"):
        Manifest.from_info({**told(), **change})


@pytest.mark.parametrize("key", list(told()))
def test_nothing_may_lack(key):
    info = told()
    del info[key]
    with pytest.raises(ProtocolError, match="cannot be read"):
        Manifest.from_info(info)


@pytest.mark.parametrize(
    "info", [{**told(), "times": [1, 2]}, [], 3, None, "manifest"], ids=["more", "list", "3", "null", "text"]
)
def test_nothing_else_may_stand_there(info):
    with pytest.raises(ProtocolError, match="cannot be read"):
        Manifest.from_info(info)
