"""Every message of whole runs is watched: nothing of a window leaves its node, no name, and handles tell nothing."""

from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from client.data import catalogue
from client.data.holdings import _read_once, holdings_of
from client.data.recording import Loaded
from client.data.wearable_sim import WearableSim
from client.node import node_for
from client.resident import forget_holdings
from client.store import MemoryStore
from client.wire import NodeWire
from configs.nodes import modalities_of, node_places
from models.unified import LatentAxes, latents_of
from protocol.kinds import ECHO, KINDS
from protocol.payload import Payload
from protocol.wire import decode, is_packed
from server.frozen import encoder_file, encoder_of
from simulation.jobs import grid_for
from tests.simulation.smallest import smallest, whole_run

PEOPLE = ("alice", "bruno", "carla", "dmitri", "elena", "farid")
RUN_LENGTH = 8


class NamedPeople(WearableSim):
    """The simulation, with people whose names and files can be looked for."""

    def load(self, root, *, subjects, **options):
        numbers = [str(PEOPLE.index(subject) + 1) for subject in subjects]
        loaded = super().load(root, subjects=numbers, **options)
        named = [
            replace(r, subject=PEOPLE[int(r.subject) - 1], name=f"/home/clinic/{PEOPLE[int(r.subject) - 1]}/{row}.csv")
            for row, r in enumerate(loaded.recordings)
        ]
        return Loaded(named, loaded.skipped)


NAMES = (*PEOPLE, "clinic", ".csv", "/home")


@pytest.fixture
def people(monkeypatch):
    monkeypatch.setitem(catalogue.DATASETS, "wearable_sim", NamedPeople())
    _forget()
    yield
    _forget()


def _forget():
    _read_once.cache_clear()
    forget_holdings()


# --- what is looked for -----------------------------------------------------------------------------------------------


@dataclass
class Windows:
    """One node's windows under one method: as recorded, and as any statistics here normalise them."""

    values: np.ndarray  # every number in them, sorted, float32
    sizes: set[int] = field(default_factory=set)  # frames × channels
    lengths: set[int] = field(default_factory=set)  # frames

    @classmethod
    def of(cls, held, statistics):
        found, sizes, lengths = [], set(), set()
        for name, windows in held.samples.arrays.items():
            for how in ("federated", "per_node", "per_subject", "none"):
                mean, std = held.normaliser(name, statistics.get(f"moments.{name}"), how)
                found.append(((windows - mean) / std).astype(np.float32).ravel())
            lengths.add(windows.shape[1])
            sizes.add(windows.shape[1] * windows.shape[2])
        values = np.unique(np.concatenate(found))
        return cls(values[~np.isin(values, (0.0, 1.0))], sizes, lengths)


def leak(array, windows):
    """What of the windows an array gives away, or None: their shape, or eight numbers of theirs in a row."""
    if windows.lengths & set(array.shape) or windows.sizes & set(array.shape):
        return f"the shape of windows: {array.shape}"
    if array.dtype.kind == "f":
        for order in "CF":  # numbers that follow each other in time, or channel by channel
            known = np.isin(array.astype(np.float32).ravel(order), windows.values)
            if (np.convolve(known, np.ones(RUN_LENGTH), "valid") > RUN_LENGTH - 0.5).any():
                return f"{RUN_LENGTH} numbers of windows in a row"
    return None


def strings(value):
    """All strings of a JSON value, names of keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)


@dataclass
class Watch:
    """Looks at every reply as it arrives, and at the questions for the statistics that all agreed on."""

    experiment: object
    windows: dict = field(default_factory=dict)
    handles: dict = field(default_factory=dict)  # (method, seed, partition) -> those seen
    kinds: set = field(default_factory=set)
    arrays: int = 0
    coded: int = 0
    stores: dict = field(default_factory=dict)  # (method, seed, partition) -> what its node holds for the wire

    def __call__(self, message, reply):
        question = self.undone(Payload.from_records(message.content))
        assert not reply.has_error(), reply.error.reason
        travelled = Payload.from_records(reply.content)
        for name, block in travelled.blocks.items():
            self.look_at_bytes(question, name, block)
        blocks = {
            n: decode(n, b, question.blocks.get(n))[0] if is_packed(b) else b for n, b in travelled.blocks.items()
        }
        self.look(question, message.metadata.message_type, replace(travelled, blocks=blocks))
        told = [str(each) for each in (*vars(reply.metadata).values(), *reply.content)]
        assert not [text for text in told for name in NAMES if name in text]
        return reply

    def undone(self, question):
        """The question as its node reads it."""
        job = tuple(question.info[key] for key in ("method", "seed", "partition"))
        store = self.stores.setdefault(job, MemoryStore())
        return NodeWire.of(self.experiment, store, question.info).received(question)

    def look_at_bytes(self, question, name, block):
        """A coded block's bytes, wherever in them a 32-bit number may begin."""
        job = tuple(question.info[key] for key in ("method", "seed", "partition"))
        for array in block.values() if is_packed(block) else ():
            self.coded += 1
            for start in range(4):
                numbers = array[start : start + (len(array) - start) // 4 * 4].view(np.float32)
                windows = self.of_node(job, question)
                assert leak(numbers[np.isfinite(numbers)], Windows(windows.values)) is None, name

    def look(self, question, message_type, reply):
        kind, job = KINDS[message_type], (question.info["method"], question.info["seed"], question.info["partition"])
        self.kinds.add(message_type)
        assert set(reply.info) <= {*kind.info, *ECHO} and set(reply.metrics) <= set(kind.metrics)
        texts = [*strings(reply.info), *(f"{name}/{key}" for name, block in reply.blocks.items() for key in block)]
        assert not [text for text in texts for name in NAMES if name in text]
        for name, block in reply.blocks.items():
            assert any(fnmatchcase(name, leaf.pattern) for leaf in kind.blocks), name
            for key, array in block.items():
                self.arrays += 1
                assert leak(array, self.of_node(job, question)) is None, f"{message_type} {name}/{key}"
            if "handles" in block:
                assert (np.diff(block["handles"]) > 0).all()
                self.handles.setdefault(job, set()).update(block["handles"].tolist())

    def of_node(self, job, question):
        """The node's windows; with the statistics of the question, once there are any."""
        statistics = {name: block for name, block in question.blocks.items() if name.startswith("moments.")}
        key = (*job, tuple(statistics))
        if key not in self.windows:
            place = node_places(self.experiment)[job[2]]
            held = holdings_of(
                self.experiment, place, modalities_of(self.experiment, place.group, job[0]), job[1], None
            )
            whole = {
                f"moments.{m}": {"mean": np.zeros(shape.channels), "std": np.ones(shape.channels)}
                for m, shape in held.shapes.items()
            }
            self.windows[key] = Windows.of(held, {**whole, **statistics})
        return self.windows[key]


def named(*overrides):
    split = {"a": [0], "b": [1], "finetune": [2, 3], "test": [4, 5]}
    return smallest(*(f"split.{g}=[{', '.join(PEOPLE[p] for p in people)}]" for g, people in split.items()), *overrides)


# --- whole runs -------------------------------------------------------------------------------------------------------

EVERY_RUN = {"query.describe", "train.finetune", "evaluate.head"}
THREE_GROUPS = [
    "methods=[fedbind]", "data.modalities.resp={frames: 51}",
    "split={a: [alice], b: [bruno], c: [carla], finetune: [dmitri], test: [elena, farid]}",
    "groups={a: {modalities: [acc, resp]}, b: {modalities: [acc, ecg]}, c: {modalities: [resp, eda]}, "
    "finetune: {modalities: [ecg, eda], labels_per_class: 3}, test: {modalities: [ecg, eda]}}",
]  # fmt: skip
BY_SENSOR = {"train.autoencoder", "query.embed", "query.audit", "query.targets"}


@pytest.mark.parametrize(
    ("overrides", "kinds"),
    [
        (["evaluation.folds=2"], {*BY_SENSOR, "train.contrast"}),
        (["contrast.mode=exact", "methods=[fedbind, upper_bound]"],
         {*BY_SENSOR, "query.exact_views", "train.exact_gradient"}),
        (["bind.by=label", "methods=[fedbind]"], {*BY_SENSOR - {"train.autoencoder"}, "train.contrast"}),
        (["bind.by=label", "methods=[fedbind]", "contrast.mode=exact"],
         {*BY_SENSOR - {"train.autoencoder"}, "query.exact_views", "train.exact_gradient"}),
        (["autoencoder.objective=reconstruction", "methods=[fedbind]", "seeds=[0, 1]", "groups.finetune.nodes=2"],
         {*BY_SENSOR, "train.contrast", "query.prototypes"}),
        (["methods=[unimodal, mim, mpm, cmg, dcm, imagebind]"],
         {"train.unimodal", "train.generate", "train.contrast", "query.targets", "query.audit"}),
        (["methods=[unimodal, mim, mpm]", "bind.by=label", "evaluation.embeddings=false"],
         {"train.unimodal", "train.contrast"}),
        (["methods=[unimodal, dcm]", "evaluation.embeddings=false"], {"train.unimodal", "train.contrast"}),
        (["methods=[unimodal]", "privacy={noise_std: 0.1, quantise: int8}"],
         {"train.unimodal", "query.targets", "query.audit"}),
        (["methods=[fedbind, dcm]", "evaluation={every: 1, personal: true, folds: 2}", "groups.finetune.nodes=2"],
         {*BY_SENSOR, "train.contrast", "query.probe", "query.prototypes"}),
        (["rounds.self_training=1", "methods=[fedbind, mpm]", "privacy.noise_std=0.1"],
         {*BY_SENSOR, "train.contrast", "query.predict", "train.self_train"}),
        ([*THREE_GROUPS, "bind.by=[acc, resp]", "groups.b.natural_share=0.5", "bind.pairing=oracle"],
         {*BY_SENSOR, "train.contrast"}),
    ],
    ids=["binding and its bounds", "exact", "by label", "by label, exact", "by reconstruction, two seeds",
         "the other methods", "their own labels", "embeddings not measured", "noise and few bits",
         "counts between rounds and by node", "pseudo-labels",
         "by two sensors in turn"],
)  # fmt: skip
def test_no_window_no_name_and_nothing_unlisted_leaves_a_node(tmp_path, people, overrides, kinds):
    experiment = named(*overrides)
    watch = Watch(experiment)
    whole_run(experiment, tmp_path / "run", watch=watch)
    assert watch.kinds == EVERY_RUN | kinds and watch.arrays > 100
    seen = list(watch.handles.values())
    assert bool(seen) == ("query.targets" in kinds)
    assert len(set().union(*seen)) == sum(len(each) for each in seen)  # no two jobs or nodes share a handle


def test_codecs_add_nothing_that_a_window_could_be_read_from(tmp_path, people):
    lists = "wire={up: [delta, top_k, int8], down: [delta, int8], embeddings: [int8]}"
    experiment = named(lists, "methods=[fedbind, unimodal]", "evaluation.every=1", "rounds.self_training=2")
    watch = Watch(experiment)
    whole_run(experiment, tmp_path / "run", watch=watch)
    assert watch.kinds == EVERY_RUN | BY_SENSOR | {
        "train.contrast", "train.unimodal", "query.probe", "query.predict", "train.self_train",
    }  # fmt: skip
    assert watch.coded > 30 and watch.arrays > 100


def test_handles_tell_nothing_of_the_order_of_samples():
    """Rank correlation of a node's handles with its samples' places, over all nodes, methods and seeds."""
    experiment = smallest("seeds=[0, 1, 2]")
    found = []
    for seed in experiment.seeds:
        for method in experiment.methods:
            grid = grid_for(experiment, method, seed)
            for place in node_places(experiment):
                node = node_for(experiment, place.partition, method, seed, grid._contexts[100 + place.partition])
                found.append(spearmanr(np.arange(len(node.handles)), node.handles).statistic)
            grid.close()
    assert len(found) == 36 and abs(np.mean(found)) < 0.1 and max(np.abs(found)) < 0.9
    count = len(node.handles)
    assert np.std(found) == pytest.approx(1 / np.sqrt(count - 1), rel=0.5)  # as that of random orders


UNIFIED = (
    "models={encoder: unified, width: 8, feature: 4, projection: 16, hidden: 24, "
    "unified: {weights: untrained, records: 88, bins: 8, variants: 1, steps: 11, numbers: 12}}"
)


@dataclass
class WatchLatents(Watch):
    """The same, and latents count as windows do: as the encoder gives them, and on the axes that all agreed on."""

    axes: dict = field(default_factory=dict)  # method, seed -> `latents.*` and `mixture.*` blocks

    def __call__(self, message, reply):
        question = Payload.from_records(message.content)
        blocks = {name: block for name, block in question.blocks.items() if name.startswith(("latents.", "mixture."))}
        self.axes.setdefault((question.info["method"], question.info["seed"]), {}).update(blocks)
        return super().__call__(message, reply)

    def of_node(self, job, question):
        found = super().of_node(job, question)
        scales = {n.removeprefix("moments."): b for n, b in question.blocks.items() if n.startswith("moments.")}
        known = 1 + len({name.partition(".")[0] for name in self.axes.get(job[:2], {})})
        if scales and getattr(found, "latents", 0) < known:
            found.values = np.union1d(found.values, self.latents_of(job, scales))
            found.lengths.add(11)
            found.latents = known
        return found

    def latents_of(self, job, scales):
        model, _ = encoder_of(encoder_file("untrained"))
        place, settings = node_places(self.experiment)[job[2]], self.experiment.models.unified
        held = holdings_of(self.experiment, place, modalities_of(self.experiment, place.group, job[0]), job[1], None)
        numbers = []
        for name, scale in scales.items():
            windows = (held.samples.arrays[name] - scale["mean"]) / scale["std"]
            told = self.axes.get(job[:2], {}).get(f"mixture.{name}")
            turn = None if told is None else torch.from_numpy(told["turn"])
            latents = latents_of(model, torch.from_numpy(windows), held.shapes[name], settings, turn).float().numpy()
            numbers.append(latents.ravel())
            if agreed := self.axes.get(job[:2], {}).get(f"latents.{name}"):
                axes = LatentAxes(*(torch.from_numpy(agreed[key]) for key in ("mean", "turn")))
                turned = axes(torch.from_numpy(latents))
                numbers.append(turned.half().float().numpy().ravel())
        return np.unique(np.concatenate(numbers))


@pytest.mark.parametrize(
    ("overrides", "kinds"),
    [
        (["evaluation.folds=2"], {*BY_SENSOR, "train.contrast"}),
        (["models.unified.signals=2"], BY_SENSOR | {"train.contrast"}),
        (["methods=[mim, cmg]"], {"train.generate", "train.contrast", "query.targets", "query.audit"}),
    ],
    ids=["binding and its bounds", "signals are mixed", "what is filled in"],
)
def test_no_latent_leaves_a_node_either(tmp_path, people, overrides, kinds):
    experiment = named(UNIFIED, *overrides)
    watch = WatchLatents(experiment)
    whole_run(experiment, tmp_path / "run", watch=watch)
    assert watch.kinds == EVERY_RUN | kinds | {"query.unified"} and watch.arrays > 100
    assert any(
        getattr(each, "latents", 0) == 2 + ("models.unified.signals=2" in overrides) for each in watch.windows.values()
    )  # also as they are trained on


def test_the_watch_sees_latents_that_are_planted(people):
    experiment = named(UNIFIED)
    watch = WatchLatents(experiment)
    question = Payload(
        {"moments.acc": {"mean": np.zeros(3, np.float32), "std": np.ones(3, np.float32)}},
        {"method": "fedbind", "seed": 0, "partition": 0},
    )
    latents = watch.latents_of(("fedbind", 0, 0), {"acc": question.blocks["moments.acc"]})
    noise = np.random.default_rng(0).normal(size=(9, 9)).astype(np.float32)
    watch.look(question, "train.contrast", Payload({"encoder.acc": {"x": noise}}))
    noise[3, :8] = latents[100:108]
    with pytest.raises(AssertionError, match="in a row"):
        watch.look(question, "train.contrast", Payload({"encoder.acc": {"x": noise}}))


# --- the watch itself -------------------------------------------------------------------------------------------------


def test_the_watch_sees_what_is_planted():
    """A test that could not fail would be none: windows hidden in arrays of other shapes are found."""
    experiment = smallest()
    held = holdings_of(experiment, node_places(experiment)[0], None, 0, None)
    windows = Windows.of(held, {f"moments.{m}": {"mean": np.zeros(s.channels), "std": np.ones(s.channels)}
                                for m, s in held.shapes.items()})  # fmt: skip
    window = held.samples.arrays["acc"][3]  # (45, 3)
    noise = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)
    assert leak(noise, windows) is None and leak(np.zeros((20, 30), np.float32), windows) is None
    assert "shape" in leak(noise[:1].repeat(45, 0), windows) and "shape" in leak(np.zeros(135), windows)
    for hidden in (window.ravel()[20:28], window[10:18, 1], window[10:18, 1].astype(np.float64)):
        planted = noise.astype(hidden.dtype)
        planted[7, 3:11] = hidden
        assert "in a row" in leak(planted, windows) and "in a row" in leak(planted.T, windows)
    told = held.moments("acc")
    noise[2, :9] = ((window - told.mean.astype(np.float32)) / told.spread.astype(np.float32))[:9, 2]
    assert "in a row" in leak(noise, windows)


def test_the_watch_sees_what_is_planted_among_coded_bytes(people):
    watch = Watch(named())
    question = Payload({}, {"method": "fedbind", "seed": 0, "partition": 0})
    windows = watch.of_node(("fedbind", 0, 0), question)
    clean = np.random.default_rng(0).integers(0, 255, 500, dtype=np.uint8)
    watch.look_at_bytes(question, "encoder.acc", {"wire": clean})
    planted = np.concatenate([clean[:73], windows.values[40:48].view(np.uint8), clean[73:]])
    with pytest.raises(AssertionError, match="acc"):
        watch.look_at_bytes(question, "encoder.acc", {"wire": planted})


@pytest.mark.parametrize("planted", ["subject in info", "name in a fault", "an unlisted number", "an unlisted block"])
def test_the_watch_sees_names_and_what_no_kind_lists(people, planted):
    watch = Watch(named())
    question = Payload({}, {"method": "fedbind", "seed": 0, "partition": 0})
    reply = {
        "subject in info": Payload({}, {"nodes": [{"device": "alice"}]}),
        "name in a fault": Payload({}, {"faults": {"0": "/home/clinic/x is broken"}}),
        "an unlisted number": Payload({}, {}, {"heart_rate": 70.0}),
        "an unlisted block": Payload({"windows.acc": {"x": np.zeros(2)}}),
    }[planted]
    watch.look(question, "query.describe", Payload({}, {"nodes": []}))
    with pytest.raises(AssertionError):
        watch.look(question, "query.describe", reply)
