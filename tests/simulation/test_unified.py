"""Whole runs in which one frozen encoder reads every sensor, on simulated wearables at their smallest."""

import pytest

from server.methods.catalogue import METHODS
from tests.simulation.smallest import smallest, whole_run
from tests.simulation.test_repeats import shuffled, told

UNIFIED = [
    "models={encoder: unified, width: 8, feature: 4, projection: 16, hidden: 24, "
    "unified: {weights: untrained, records: 64, bins: 8, variants: 2, pool: 1}}",
]


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


def test_what_travels_in_the_contrast_is_the_adapters_alone(both):
    """Encoders of this smallest run are small too; real sizes are compared in docs/results/unified.md."""
    modality, unified = (
        [r["bytes"]["by_phase"]["contrast"] for (m, _), r in each.items() if m == "fedbind"] for each in both
    )
    assert unified[0]["up"] < modality[0]["up"] and unified[0]["down"] < modality[0]["down"]


def test_the_same_seed_gives_the_same_bits_whatever_order_replies_come_in(tmp_path):
    experiment = smallest("methods=[fedbind, mim]", *UNIFIED)
    first = told(experiment, tmp_path / "first")
    assert first == told(experiment, tmp_path / "second", order=shuffled(1))
