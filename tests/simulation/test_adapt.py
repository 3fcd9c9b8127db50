"""The codebook follows the sensors of all nodes before anything is trained, in whole runs."""

import pytest
import torch

from configs.errors import UserError
from models.vqvae import Described, build_vqvae, pack
from protocol.payload import Payload
from simulation.jobs import grid_for
from tests.simulation.smallest import smallest, whole_run


def settings(weights="untrained", adapt="rounds: 3, decoder_rounds: 2", latents="quantised"):
    return (
        "models={encoder: unified, width: 8, feature: 4, projection: 16, hidden: 24, unified: {weights: "
        f"{weights}, records: 64, bins: 8, variants: 1, latents: {latents}, adapt: {{{adapt}}}}}}}"
    )


def test_pictures_of_sensors_come_back_better_than_before_and_codes_come_into_use(tmp_path):
    results, _ = whole_run(smallest("methods=[lower_bound, fedbind]", settings()), tmp_path / "run")
    told = results["fedbind", 0]["unified"]
    assert set(told["modalities"]) == {"acc", "ecg", "eda"} and told["perplexity"][0] > 1.5
    for each in told["modalities"].values():
        assert each["after_db"] > each["before_db"] + 1 and each["floor_db"] > 5
    assert "unified" not in results["lower_bound", 0]  # the other nodes take no part in it
    travelled = results["fedbind", 0]["bytes"]["by_phase"]
    assert travelled["adapt"]["up"] > 0 and "adapt" not in results["lower_bound", 0]["bytes"]["by_phase"]
    nodes, file = 4, 490_000  # where latents are quantised, the adapted file reaches every node too
    assert 1.8 * nodes * file < travelled["encoder"]["down"] < 2.2 * nodes * file


@pytest.mark.parametrize(("latents", "given"), [("quantised", 2), ("continuous", 1)])
def test_codebooks_are_sums_of_all_nodes_and_continuous_latents_need_no_new_file(tmp_path, latents, given):
    experiment = smallest("methods=[fedbind]", settings(adapt="rounds: 2", latents=latents))
    files, codes = [], []

    def watch(message, reply):
        question, answer = (Payload.from_records(each.content) for each in (message, reply))
        files.extend(question.blocks[name]["file"].tobytes() for name in question.blocks if name == "unified")
        codes.extend(answer.blocks[name] for name in answer.blocks if name.startswith("codes."))
        return reply

    whole_run(experiment, tmp_path / "run", watch=watch)
    assert len(set(files)) == given and len(codes) == 4  # two nodes, two rounds
    for block in codes:
        assert block["counts"].sum() > 0 and block["sums"].shape == (512, 16)


def test_noise_on_the_sums_is_drawn_on_the_node(tmp_path):
    def sums(noise):
        experiment, found = smallest("methods=[fedbind]", settings(adapt=f"rounds: 1, noise_std: {noise}")), []

        def watch(message, reply):
            blocks = Payload.from_records(reply.content).blocks
            found.extend(block["counts"] for name, block in blocks.items() if name.startswith("codes."))
            return reply

        whole_run(experiment, tmp_path / f"run{noise}", watch=watch)
        return found

    plain, noisy = sums(0.0), sums(2.0)
    assert all((counts == counts.round()).all() for counts in plain)
    assert 1.8 < torch.tensor([(b - a).std() for a, b in zip(plain, noisy, strict=True)]).mean() < 2.2


def test_an_encoder_without_a_codebook_is_told_so(tmp_path):
    described = Described()  # fsq
    (tmp_path / "weights.safetensors").write_bytes(pack(build_vqvae(described), described))
    experiment = smallest("methods=[fedbind]", settings(weights=str(tmp_path)))
    with pytest.raises(UserError, match="no codebook to adapt"):
        whole_run(experiment, tmp_path / "run")


def test_weights_that_are_none_are_told_before_anything_is_trained(tmp_path):
    experiment = smallest("methods=[fedbind]", settings(weights=str(tmp_path / "nowhere")))
    with pytest.raises(UserError, match="no weights of a unified encoder"):
        whole_run(experiment, tmp_path / "run")
    grid_for(experiment, "fedbind", 0).close()
