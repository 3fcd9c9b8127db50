"""The methods: one definition each, the phases in the paper's order, and configurations they cannot run under."""

import pytest

from configs.errors import UserError
from configs.schema import METHODS as NAMES
from server.methods.catalogue import METHODS
from server.methods.method import plan
from tests.simulation.smallest import smallest


def phases(name, *overrides):
    return [step["phase"] for step in plan(METHODS[name], smallest(*overrides))]


def test_the_configuration_names_the_methods_that_there_are():
    assert tuple(METHODS) == NAMES
    assert all(method.name == name and method.definition for name, method in METHODS.items())


def test_each_method_s_phases():
    assert phases("lower_bound") == ["describe", "fine-tune", "evaluate"]
    paper = ["describe", "autoencoder", "embed", "bind", "contrast", "measure", "fine-tune", "evaluate"]
    assert phases("fedbind") == phases("upper_bound") == paper
    for name in ("unimodal", "mim", "mpm", "dcm"):
        assert phases(name) == ["describe", "contrast", "measure", "fine-tune", "evaluate"]
        assert phases(name, "evaluation.embeddings=false") == ["describe", "contrast", "fine-tune", "evaluate"]
    assert phases("imagebind") == phases("cmg") == [
        "describe", "autoencoder", "contrast", "measure", "fine-tune", "evaluate",
    ]  # fmt: skip


def test_every_method_that_pre_trains_has_the_same_rounds_of_contrast():
    experiment = smallest("rounds.contrast=7")
    for name, method in METHODS.items():
        rounds = {phase.name: phase.rounds for phase in method.phases(experiment)}
        assert name == "lower_bound" or rounds["contrast"] == 7


def test_binding_by_label_needs_no_shared_sensor_and_so_trains_none():
    experiment = smallest("bind.by=label", "methods=[fedbind]")
    assert [phase.name for phase in METHODS["fedbind"].phases(experiment)] == ["embed", "bind", "contrast"]


@pytest.mark.parametrize("method", ["cmg", "dcm", "imagebind"])
def test_a_method_that_needs_a_shared_sensor_refuses_binding_by_label(method):
    with pytest.raises(UserError) as error:
        smallest("bind.by=label", f"methods=[{method}]")
    assert f"{method} needs one sensor that all groups share" in str(error.value.expected) + str(error.value.what)
