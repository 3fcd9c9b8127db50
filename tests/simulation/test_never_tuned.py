"""A modality that was never fine-tuned: known from pre-training alone, tested through the bound space, or not at all."""

import json

import pytest
import torch

from client.data.holdings import holdings_of
from client.node import node_for
from configs.errors import UserError
from configs.nodes import node_places
from models.blocks import ModalityShape, load_block, new_encoder, new_projection
from protocol.payload import Payload
from server.report.finish import finish_run
from server.state import load_blocks
from server.tracking import RunFolder
from simulation.jobs import grid_for
from tests.simulation.smallest import smallest, whole_run

METHODS = ["lower_bound", "unimodal", "mpm", "dcm", "fedbind"]
ASKED = [
    f"methods=[{', '.join(METHODS)}]", "groups.finetune.modalities=[ecg]", "groups.test.modalities=[ecg, eda, acc]",
    "data.normalise=per_node", "evaluation.curve=true",
]  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    experiment = smallest(*ASKED)
    path = tmp_path_factory.mktemp("never-tuned") / "run"
    results, summary = whole_run(experiment, path)
    finish_run(RunFolder.open(path), experiment)
    return experiment, results, summary, path


def test_every_subset_is_told_and_the_headline_is_that_of_what_was_fine_tuned(ran):
    experiment, results, summary, _ = ran
    assert experiment.never_tuned == ["eda", "acc"]
    subsets = ["ecg+eda+acc", "ecg+eda", "ecg+acc", "eda+acc", "ecg", "eda", "acc"]
    for method in METHODS:
        result = results[method, 0]
        assert list(result["by_subset"]) == subsets and result["never_tuned"] == ["eda", "acc"]
        assert result["by_subset"]["ecg"]["accuracy"] == result["accuracy"] == result["accuracy_last_epoch"]
        assert 0 <= result["auc"] <= 1
        unknown = {name for name, figures in result["by_subset"].items() if figures["accuracy"] is None}
        assert unknown == (set(subsets) - {"ecg"} if method == "lower_bound" else set())
    assert summary["methods"]["lower_bound"]["by_subset"]["eda"] == {"accuracy": None, "macro_f1": None}


def test_the_figures_of_what_was_fine_tuned_are_those_of_a_run_that_tests_nothing_else(ran, tmp_path):
    _, results, _, _ = ran
    alone, _ = whole_run(smallest(*ASKED, "groups.test.modalities=[ecg]"), tmp_path / "run")
    for method in METHODS:
        for figure in ("accuracy", "macro_f1", "auc", "confusion", "curve"):
            assert results[method, 0][figure] == alone[method, 0][figure]
        assert "never_tuned" not in alone[method, 0]


def test_a_method_that_leaves_no_encoder_says_so(ran):
    _, _, _, path = ran
    lines = (path / "jobs" / "lower_bound-seed0" / "metrics.jsonl").read_text().splitlines()
    notes = [event["text"] for event in map(json.loads, lines) if event["event"] == "note"]
    assert any("lower_bound is not tested on eda: no fine-tuning node holds it" in note for note in notes)
    page = (path / "report.html").read_text()
    assert "ecg + eda (never fine-tuned)" in page and "lower_bound is not tested on acc" in page


@pytest.mark.parametrize("method", ["unimodal", "fedbind"])
def test_alone_it_is_the_class_whose_fine_tuned_prototype_is_nearest_in_the_bound_space(ran, method):
    """The slow twin: encoder and projection as pre-trained, prototypes of the fine-tuned sensor, sample by sample."""
    experiment, results, _, path = ran
    blocks = load_blocks(path / "jobs" / f"{method}-seed0" / "checkpoint")
    place = next(p for p in node_places(experiment) if p.group == "test")
    held = holdings_of(experiment, place, None, 0, None)
    shape: ModalityShape = held.shapes["eda"]
    encoder = new_encoder("eda", shape, experiment.models, 0).eval()
    projection = new_projection("eda", experiment.models, 0).eval()
    load_block(encoder, blocks["encoder.eda"])
    load_block(projection, blocks["projection.eda"])
    prototypes = torch.from_numpy(blocks["head.ecg"]["prototypes"])
    grid = grid_for(experiment, method, 0)
    view = node_for(experiment, place.partition, method, 0, grid._contexts[100 + place.partition]).view(
        Payload(), "eda"
    )
    grid.close()
    right = 0
    with torch.no_grad():
        for window, label in zip(view.clean(), held.samples.label.tolist(), strict=True):
            embedding = projection(encoder(window[None]))[0]
            cosine = [float(torch.nn.functional.cosine_similarity(embedding, p, dim=0)) for p in prototypes]
            right += cosine.index(max(cosine)) == label
    assert results[method, 0]["by_subset"]["eda"]["accuracy"] == pytest.approx(right / len(held.samples))


def test_what_nobody_pre_trains_or_nobody_fine_tunes_is_refused():
    with pytest.raises(UserError) as error:
        smallest("data.modalities.resp={frames: 51}", "groups.test.modalities=[ecg, resp]")
    assert "resp is not among groups.finetune.modalities, and no group pre-trains it either" in str(error.value)
    with pytest.raises(UserError) as error:
        smallest("groups.test.modalities=[acc]")
    assert "none is among groups.finetune.modalities (ecg, eda)" in str(error.value)
