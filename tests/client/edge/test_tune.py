"""Fine-tuning on a board: limits, the best kept, and a kill at any moment that changes nothing."""

import pytest
import torch
from torch import nn

from client.edge import EdgeSettings, tune
from client.edge.checkpoint import FILE, find
from client.training.finetune import Labelled, new_tuning
from client.training.views import View
from configs.errors import UserError
from configs.schema import FineTuneSettings
from models.encoders import FEATURE, STEPS, build_encoder
from models.fusion import FusionClassifier
from models.projection import Projection


def data(rows=24, seed=0):
    """Two classes, told apart by the sign of a slow wave."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(rows) % 2
    wave = torch.sin(torch.linspace(0, 6, 16))[None, :, None] * (2.0 * label - 1)[:, None, None]
    raw = wave + 0.5 * torch.randn(rows, 16, 3, generator=generator)
    ones = torch.ones(rows, 1, 3)
    return Labelled({"acc": View(raw, 0 * ones, ones, torch.ones(rows, dtype=torch.bool))}, label)


def tuning():
    torch.manual_seed(0)
    encoders = nn.ModuleDict({"acc": build_encoder("inertial", 3, 16, width=8)})
    head = FusionClassifier(["acc"], STEPS, FEATURE, 2, {"acc": Projection(STEPS, FEATURE, 8, 8)})
    return new_tuning(encoders, head, FineTuneSettings(), 0.1)


def run(folder, identity="x", seed=3, **limits):
    def clean(views, generator):
        return {m: view.clean() for m, view in views.items()}

    return tune(
        tuning(), data(), data(10, 1), FineTuneSettings(), EdgeSettings(**limits), folder, identity, seed, clean
    )


def same(first, second):
    return all(torch.equal(torch.tensor(first[n][k]), torch.tensor(second[n][k])) for n in first for k in first[n])


def test_it_learns_keeps_the_best_and_says_what_it_took(tmp_path):
    found = run(tmp_path, epochs=12, patience=12)
    assert found.ended == "epochs" and found.correct >= 8
    assert [each["epoch"] for each in found.history] == list(range(13))  # class means alone, then twelve epochs
    assert found.correct == max(each["held_correct"] for each in found.history)
    assert found.history[found.epoch]["held_correct"] == found.correct
    assert (
        found.cpu_seconds > 0
        and found.peak_mib > 50
        and set(found.blocks) == {"encoder.acc", "head.acc", "head.fusion"}
    )


@pytest.mark.parametrize("at", [0, 1, 4])
def test_what_was_stopped_goes_on_to_the_very_weights_of_what_never_was(tmp_path, at):
    whole = run(tmp_path / "whole", epochs=8, patience=99)
    run(tmp_path / "parts", epochs=at, patience=99)
    parts = run(tmp_path / "parts", epochs=8, patience=99)
    assert same(whole.blocks, parts.blocks) and len(parts.history) == 9
    assert [each["loss"] for each in parts.history] == [each["loss"] for each in whole.history]
    again = run(tmp_path / "parts", epochs=8, patience=99)  # all done: nothing more is trained
    assert again.history == parts.history and same(again.blocks, parts.blocks)


def test_each_limit_ends_it_by_its_name(tmp_path):
    assert run(tmp_path / "time", seconds=1e-6).ended == "time"
    assert run(tmp_path / "memory", memory_mib=1).ended == "memory"
    patient = run(tmp_path / "patience", epochs=99, patience=3)
    rights = [each["held_correct"] for each in patient.history]
    assert patient.ended == "patience" and len(rights) == 1 + rights.index(max(rights)) + 3
    assert len(run(tmp_path / "time", epochs=3).history) == 1 + 3  # more time is given: it goes on


def test_bfloat16_learns_too_and_weights_stay_in_single_precision(tmp_path):
    found = run(tmp_path, epochs=10, patience=10, bf16=True)
    assert found.correct >= 8 and all(v.dtype == "float32" for b in found.blocks.values() for v in b.values())


def test_another_fine_tuning_and_a_broken_file_are_told(tmp_path):
    run(tmp_path, epochs=1)
    with pytest.raises(UserError, match="earlier fine-tuning"):
        run(tmp_path, identity="y", epochs=2)
    (tmp_path / FILE).write_bytes(b"half")
    with pytest.raises(UserError, match="cannot be read"):
        find(tmp_path, "x")


@pytest.mark.parametrize(
    "limits", [{"epochs": -1}, {"held_share": 0.9}, {"seconds": 0.0}, {"threads": 0}, {"memory_mib": 0}]
)
def test_limits_that_make_no_sense_are_refused(limits):
    with pytest.raises(UserError, match=next(iter(limits))):
        EdgeSettings(**limits)
