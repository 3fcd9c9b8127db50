"""The frozen encoder on a node: it comes once, from the server or from the node's own path, and is what it says."""

import pytest
import torch

from client.frozen import encoder_used, take_encoder
from client.store import DiskStore, MemoryStore
from configs.errors import UserError
from models.vqvae import Described, build_vqvae, digest, pack
from protocol.payload import ProtocolError


@pytest.fixture(scope="module")
def content():
    torch.manual_seed(0)
    described = Described(quantiser="codebook", latent=4, size=8)
    return pack(build_vqvae(described), described)


def block(content):
    return {"file": torch.frombuffer(bytearray(content), dtype=torch.uint8).numpy()}


def test_what_was_sent_once_is_held_for_every_later_job_and_process(tmp_path, content):
    sha = digest(content)
    assert not take_encoder(DiskStore(tmp_path), {}, "fedbind", 0, sha, None)
    assert take_encoder(DiskStore(tmp_path), {}, "fedbind", 0, sha, block(content))
    assert take_encoder(DiskStore(tmp_path), {}, "mim", 1, sha, None)
    model, used = encoder_used(DiskStore(tmp_path), "mim", 1)
    assert used == sha and model.quantiser.latent == 4
    with pytest.raises(ProtocolError, match="not on this node"):
        encoder_used(DiskStore(tmp_path), "cmg", 0)


def test_a_node_may_have_the_file_already(tmp_path, content):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    own = {"unified-weights": str(path)}
    assert take_encoder(MemoryStore(), own, "fedbind", 0, digest(content), None)
    assert not take_encoder(MemoryStore(), own, "fedbind", 0, digest(b"another"), None)


def test_another_file_than_announced_and_no_file_of_ours_are_refused(content):
    with pytest.raises(ProtocolError, match="not the one"):
        take_encoder(MemoryStore(), {}, "fedbind", 0, digest(b"x"), block(content))
    with pytest.raises(UserError, match="not the weights"):
        take_encoder(MemoryStore(), {}, "fedbind", 0, digest(b"x"), block(b"x"))
