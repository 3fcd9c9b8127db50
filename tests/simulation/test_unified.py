"""Whole runs in which one frozen encoder reads every sensor, on simulated wearables at their smallest."""

import numpy as np
import pytest
import safetensors.numpy
import torch

import client.node
from client.app import app as client_app
from client.frozen import take_axes, unpacked
from client.latents.cache import forget_read
from client.store import MemoryStore
from configs.nodes import node_places
from models.unified import LatentSums, axes_of
from protocol.payload import Payload, ProtocolError
from server.app import run_job
from server.methods.catalogue import METHODS
from server.report.finish import finish_run, start_run
from server.report.summary import summary_without_times
from simulation.local import LocalGrid
from simulation.retrieve import Question, retrieve
from tests.simulation.smallest import smallest, whole_run
from tests.simulation.test_repeats import shuffled, told

UNIFIED = [
    "models={encoder: unified, width: 8, feature: 4, projection: 16, hidden: 24, "
    "unified: {weights: untrained, records: 64, bins: 8, variants: 2, numbers: 12}}",
]


# The accelerometer's three channels are mixed into two signals; nodes that fine-tune and test hold it too.
MIXED = ["models.unified.signals=2", "groups.finetune.modalities=[acc, ecg]", "groups.test.modalities=[acc, ecg]"]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Results of every method, with an encoder for each sensor and with one for all."""
    every = f"methods=[{', '.join(METHODS)}]"
    return [whole_run(smallest(every, *more), tmp_path_factory.mktemp("unified") / "run")[0] for more in ([], UNIFIED)]


def test_every_method_runs_to_its_figures_with_one_encoder_for_every_sensor(both):
    for (method, _), result in both[1].items():
        assert result["test_samples"] > 0 and 0 <= result["accuracy"] <= 1, method
        assert not result["nodes"]["skipped"], method


def test_the_encoder_travels_once_to_every_node_that_takes_part(both):
    for (method, _), result in both[1].items():
        nodes = 2 if method == "lower_bound" else 4
        told = result["bytes"]["by_phase"]["encoder"]
        assert 400_000 * nodes < told["down"] < 520_000 * nodes, method
        assert told["up"] < 100_000


def test_many_signals_are_mixed_along_what_all_training_nodes_summed(tmp_path):
    experiment = smallest("methods=[fedbind]", *UNIFIED, *MIXED)
    summed, mixtures, asked = {}, {}, []

    def note(message, reply):
        question, answer = Payload.from_records(message.content), Payload.from_records(reply.content)
        node = question.info.get("partition")
        summed.update({(node, n): b for n, b in answer.blocks.items() if n.startswith("mixture.")})
        mixtures.update({(node, n): b for n, b in question.blocks.items() if n.startswith("mixture.")})
        asked.append((message.metadata.message_type, bool(question.info.get("mixed")), node))
        return reply

    result = whole_run(experiment, tmp_path / "run", watch=note)[0]["fedbind", 0]
    assert result["test_samples"] > 0 and not result["nodes"]["skipped"]
    groups = {place.partition: place.group for place in node_places(experiment)}
    names = {name for _, name in mixtures}
    assert names and {node for _, mixed, node in asked if mixed} == {node for node, _ in summed}
    assert all(groups[node] != "test" for node, _ in summed) and any(groups[node] == "test" for node, _ in mixtures)
    for name in names:
        sums = [
            LatentSums(float(b["count"][0]), torch.from_numpy(b["total"].copy()), torch.from_numpy(b["products"]).double())
            for (_, n), b in sorted(summed.items()) if n == name
        ]  # fmt: skip
        pooled = sums[0]
        for each in sums[1:]:
            pooled = pooled + each
        turn = axes_of([pooled], 2)[0].turn
        for (_, n), block in mixtures.items():
            assert n != name or np.allclose(block["turn"], turn.numpy(), atol=1e-5)


def test_a_node_takes_no_mixture_of_another_form(tmp_path):
    experiment = smallest("methods=[fedbind]", *UNIFIED, *MIXED)
    place = next(each for each in node_places(experiment) if each.group == "finetune")
    node = client.node.Node(experiment, place, "fedbind", 0, None, MemoryStore(), {})
    name = next(m for m, shape in node.holdings.shapes.items() if shape.channels == 3)
    assert node._mixture(name) is None  # nobody told: the drawn rotation
    for shape, fits in (((3, 2), True), ((3, 3), False), ((2, 2), False)):
        told = {f"mixture.{name}": {"mean": np.zeros(3, np.float32), "turn": np.ones(shape, np.float32)}}
        take_axes(node.store, "fedbind", 0, place.partition, told)
        if fits:
            assert tuple(node._mixture(name).shape) == shape
        else:
            with pytest.raises(ProtocolError, match="a mixture of"):
                node._mixture(name)


def test_what_travels_in_the_contrast_is_the_adapters_alone(both):
    """Encoders of this smallest run are small too; real sizes are another matter."""
    modality, unified = (
        [r["bytes"]["by_phase"]["contrast"] for (m, _), r in each.items() if m == "fedbind"] for each in both
    )
    assert unified[0]["up"] < modality[0]["up"] and unified[0]["down"] < modality[0]["down"]


def test_the_same_seed_gives_the_same_bits_whatever_order_replies_come_in(tmp_path):
    experiment = smallest("methods=[fedbind, mim]", *UNIFIED)
    first = told(experiment, tmp_path / "first")
    assert first == told(experiment, tmp_path / "second", order=shuffled(1))


def run_on_disk(experiment, path, hosts, watch):
    """One fedbind job whose nodes keep their state on disk, as if every message began a fresh process."""
    places = node_places(experiment)
    configs = [
        {
            "partition-id": host, "num-partitions": hosts, "handle-key": "local-0", "allow-audit": True, "store": "disk",
            "state-dir": str(path / "state"),
        }
        for host in range(hosts)
    ]  # fmt: skip
    assert len(places) == 4
    grid = LocalGrid(client_app, configs, {"json": experiment.model_dump_json()}, watch=watch)
    folder = start_run(experiment, path / "run")
    result = run_job(grid, experiment, "fedbind", 0, folder)
    grid.close()
    finish_run(folder, experiment)
    return result


def timeless(result):
    return summary_without_times({k: v for k, v in result.items() if k not in ("bytes", "pairing_raw_cosine")})


def test_nodes_that_begin_anew_with_every_message_pay_for_latents_once_and_end_with_the_same_figures(
    tmp_path, monkeypatch
):
    experiment = smallest("methods=[fedbind]", "run.settle_s=0.1", *UNIFIED)
    resident = whole_run(experiment, tmp_path / "resident")[0]["fedbind", 0]
    made, sent = [], []
    make = client.node.make_latents
    monkeypatch.setattr(client.node, "make_latents", lambda *a: made.append(1) or make(*a))

    def forget(message, reply):
        forget_read()
        unpacked.cache_clear()
        client.resident.forget_holdings()
        sent.extend(name for name in Payload.from_records(message.content).blocks if name == "unified")
        return reply

    fresh = run_on_disk(experiment, tmp_path, 4, forget)
    assert timeless(fresh) == timeless(resident)
    assert len(sent) == 4  # the encoder, once to each
    assert len(made) == 8 + 2  # two sensors on each of four nodes, and the shared one of two on its own scale


def test_a_host_of_several_nodes_is_sent_the_encoder_once(tmp_path):
    experiment, sent = smallest("methods=[fedbind]", "run.settle_s=0.1", *UNIFIED), []

    def count(message, reply):
        sent.extend(name for name in Payload.from_records(message.content).blocks if name == "unified")
        return reply

    result = run_on_disk(experiment, tmp_path, 2, count)
    assert len(sent) == 2 and result["test_samples"] > 0


def test_a_finished_run_answers_queries_with_its_frozen_encoder(tmp_path):
    experiment = smallest("methods=[fedbind]", *UNIFIED)
    whole_run(experiment, tmp_path / "run")
    found = retrieve(tmp_path / "run", Question(top=2, count=1), [])
    assert len(found.queries[0][1]) == 2


def test_heads_judge_by_what_they_are_told_to(tmp_path):
    """What a head does not judge by has no part in its loss, so that fine-tuning leaves it as it was."""

    def moved(takes):
        experiment = smallest("methods=[fedbind]", *UNIFIED, f"models.unified.head={takes}", "finetune.weight_decay=0")
        whole_run(experiment, tmp_path / takes)
        folder = tmp_path / takes / "jobs" / "fedbind-seed0" / "checkpoint"
        tuned, taught = (
            safetensors.numpy.load_file(folder / f"{name}.ecg.safetensors") for name in ("head", "projection")
        )
        fusion = safetensors.numpy.load_file(folder / "head.fusion.safetensors")
        projection = any((tuned[f"projection.{key}"] != value).any() for key, value in taught.items())
        return {"cosine": projection, "hidden layer": any(value.any() for value in fusion.values())}

    assert moved("both") == {"cosine": True, "hidden layer": True}
    assert moved("bound") == {"cosine": True, "hidden layer": False}
    assert moved("latents") == {"cosine": False, "hidden layer": True}


@pytest.mark.parametrize(
    "overrides",
    [
        ["gaps={rate: 0.7, mean_s: 3.0}"],
        ["data.options={subjects: 6, recordings_per_class: 1, seconds: 8}", "groups.finetune.labels_per_class=1"],
        ["groups.test.modalities=[ecg, eda, acc]"],
        ["data.normalise=none"],
    ],
    ids=["sensors mostly away", "one sample of a class", "a modality that was never tuned", "in raw units"],
)
def test_figures_stay_numbers_whatever_nodes_hold(tmp_path, overrides):
    experiment = smallest("methods=[fedbind]", *UNIFIED, *overrides)
    result = whole_run(experiment, tmp_path / "run")[0]["fedbind", 0]
    assert all("no sample of" in each["reason"] for each in result["nodes"]["skipped"])  # as with an encoder for each
    assert 0 <= result["accuracy"] <= 1
    assert all(0 <= each["accuracy"] <= 1 for each in result["by_subset"].values())
