"""What a job knows: members by group, and blocks that save and load."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import server.state
from configs.errors import UserError
from protocol.manifest import Manifest
from server.state import JobState, load_blocks, save_blocks


def manifest(partition, group, samples):
    return Manifest(partition, group, samples, 0, {}, ["x"], True, "", 0, "")


def test_members_are_those_of_the_groups_that_hold_a_sample_in_rising_order():
    held = [(3, "a", 5), (0, "b", 5), (2, "a", 0), (1, "a", 1), (4, "test", 2)]
    state = JobState({p: manifest(p, group, samples) for p, group, samples in held})
    assert state.members("a") == [1, 3]
    assert state.members("a", "b") == [0, 1, 3]
    assert state.members("c") == []


ARRAY = st.sampled_from(["float32", "float64", "int64"]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, max_side=3))
)


@given(st.dictionaries(st.sampled_from(["encoder.gyroscope", "head.fusion", "projection.a.b"]),
                       st.dictionaries(st.sampled_from(["weight", "0.bias", "gru.weight_ih_l0"]), ARRAY, min_size=1)))  # fmt: skip
def test_blocks_come_back_as_they_were_saved(blocks):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        save_blocks(blocks, Path(folder) / "checkpoint")
        back = load_blocks(Path(folder) / "checkpoint")
        assert {path.suffix for path in (Path(folder) / "checkpoint").iterdir()} <= {".safetensors"}
    assert set(back) == set(blocks)
    for name, block in blocks.items():
        assert set(back[name]) == set(block)
        for key, array in block.items():
            assert back[name][key].dtype == array.dtype and back[name][key].shape == array.shape
            assert back[name][key].tobytes() == array.tobytes()


def test_a_turned_array_is_saved_as_it_looks(tmp_path):
    turned = np.arange(6, dtype=np.float32).reshape(2, 3).T
    save_blocks({"x": {"w": turned}}, tmp_path)
    assert np.array_equal(load_blocks(tmp_path)["x"]["w"], turned)


def test_saving_again_replaces_the_block_and_leaves_the_others(tmp_path):
    save_blocks({"x": {"w": np.zeros(2)}, "y": {"w": np.zeros(1)}}, tmp_path)
    save_blocks({"x": {"w": np.ones(3)}}, tmp_path)
    back = load_blocks(tmp_path)
    assert back["x"]["w"].tolist() == [1, 1, 1] and back["y"]["w"].tolist() == [0]


def test_a_crash_while_saving_leaves_the_old_block_whole(tmp_path, monkeypatch):
    save_blocks({"x": {"w": np.zeros(2)}}, tmp_path)

    def dies(tensors, path):
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(server.state, "save_file", dies)
    with pytest.raises(OSError, match="no space"):
        save_blocks({"x": {"w": np.ones(2)}}, tmp_path)
    assert load_blocks(tmp_path)["x"]["w"].tolist() == [0, 0]


@pytest.mark.parametrize(
    "spoil", [lambda whole: whole[:-3], lambda whole: whole[:5], lambda whole: b"", lambda _: b"x" * 99]
)
def test_a_network_that_is_cut_or_another_file_is_named(tmp_path, spoil):
    save_blocks({"encoder.acc": {"w": np.ones(3, np.float32)}}, tmp_path)
    path = tmp_path / "encoder.acc.safetensors"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(UserError, match="cannot be read") as error:
        load_blocks(tmp_path)
    assert str(path) in str(error.value)
