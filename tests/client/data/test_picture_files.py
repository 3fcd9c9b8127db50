"""Pictures made smaller, by hand and as a mean; files that are none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from client.data.picture_files import read_picture, smaller


def test_smaller_by_hand():
    picture = np.array([[1, 3, 0, 0], [5, 7, 8, 0]], dtype=np.uint16)
    assert smaller(picture, 1, 2).tolist() == [[4, 2]]
    assert smaller(picture, 1, 2, unseen=True).tolist() == [[4, 8]]
    assert smaller(picture * 0, 1, 2, unseen=True).tolist() == [[0, 0]]
    assert smaller(picture, 2, 4).tolist() == picture.tolist()
    assert smaller(np.array([[1.0, 2.0, 9.0]]), 1, 2).tolist() == [[1.5, 5.5]]  # the middle one belongs to both
    assert smaller(np.array([[1.0, 2.0]]), 2, 4).tolist() == [[1, 1, 2, 2]] * 2


@given(st.integers(0, 2**16), st.integers(1, 5), st.integers(1, 5), st.integers(1, 4), st.integers(1, 4))
def test_where_sizes_divide_the_mean_is_kept(seed, height, width, down, across):
    pictures = np.random.default_rng(seed).random((3, height * down, width * across))
    out = smaller(pictures, height, width)
    assert out.shape == (3, height, width)
    np.testing.assert_allclose(out.mean((1, 2)), pictures.mean((1, 2)), rtol=1e-5)


def test_files_keep_sixteen_bits_and_colours(tmp_path):
    depth = np.array([[0, 300], [40000, 65535]], dtype=np.uint16)
    Image.fromarray(depth).save(tmp_path / "d.png")
    assert read_picture(tmp_path / "d.png", 1).tolist() == depth.tolist()
    colour = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    Image.fromarray(colour).save(tmp_path / "c.png")
    assert read_picture(tmp_path / "c.png", 3).tolist() == colour.tolist()
    with pytest.raises(ValueError, match="3 bands"):
        read_picture(tmp_path / "c.png", 1)
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(OSError, match=r"b\.png"):
        read_picture(tmp_path / "b.png", 1)
