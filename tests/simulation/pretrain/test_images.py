"""Where pictures come from: CIFAR-10's own files, a folder, or made here."""

import pickle

import numpy as np
import pytest
from PIL import Image

from configs.errors import UserError
from simulation.pretrain.images import find_images
from simulation.pretrain.images.cifar10 import read_batch
from simulation.pretrain.images.made import made_images


def drawn(count, seed=0):
    """Images as CIFAR-10's rows: three planes of 32 × 32, row by row."""
    return np.random.default_rng(seed).integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)


def write_binary(folder, planes, name):
    labels = np.zeros((len(planes), 1), np.uint8)
    (folder / name).write_bytes(np.concatenate([labels, planes.reshape(len(planes), -1)], axis=1).tobytes())


def write_python(folder, planes, name):
    held = {"data": planes.reshape(len(planes), -1), "labels": [0] * len(planes), "batch_label": name}
    (folder / name).write_bytes(pickle.dumps(held, protocol=2))


def write_cifar(root, kind, batches=2, each=30):
    folder = root / f"cifar-10-batches-{'bin' if kind == 'binary' else 'py'}"
    folder.mkdir()
    write, ending = (write_binary, ".bin") if kind == "binary" else (write_python, "")
    for batch in range(batches):
        write(folder, drawn(each, batch), f"data_batch_{batch + 1}{ending}")
    write(folder, drawn(10, 99), f"test_batch{ending}")
    (folder / "batches.meta").write_bytes(b"not read")
    return folder


@pytest.mark.parametrize("kind", ["binary", "python"])
def test_cifar_10_is_read_from_its_original_files(tmp_path, kind):
    folder = write_cifar(tmp_path, kind)
    for place in (tmp_path, folder):
        found = find_images(place, 32, seed=0)
        assert (len(found.train), len(found.held), len(found.test)) == (57, 3, 10)
        assert not found.made and found.name == "CIFAR-10, original files"
    assert np.array_equal(found.test, drawn(10, 99).transpose(0, 2, 3, 1))
    everything = {image.tobytes() for image in np.concatenate([drawn(30, 0), drawn(30, 1)]).transpose(0, 2, 3, 1)}
    assert {image.tobytes() for image in np.concatenate([found.train, found.held])} == everything


def test_a_pixel_lies_where_the_layout_says(tmp_path):
    planes = np.zeros((1, 3, 32, 32), np.uint8)
    planes[0, 1, 2, 5] = 200  # green, row 2, column 5
    write_binary(tmp_path, planes, "data_batch_1.bin")
    assert read_batch(tmp_path / "data_batch_1.bin")[0, 2, 5].tolist() == [0, 200, 0]


class Harm:
    def __reduce__(self):
        return (print, ("harm",))


@pytest.mark.parametrize("spoil", ["short", "empty", "harm", "noise", "rows", "kind", "no test", "side"])
def test_a_batch_that_is_none_is_refused_by_name(tmp_path, capsys, spoil):
    folder = write_cifar(tmp_path, "binary" if spoil in ("short", "empty", "no test") else "python", batches=1)
    first = next(folder.glob("data_batch_1*"))
    if spoil == "no test":
        next(folder.glob("test_batch*")).unlink()
    elif spoil != "side":
        first.write_bytes(
            {
                "short": first.read_bytes()[:-1],
                "empty": b"",
                "harm": pickle.dumps(Harm()),
                "noise": b"no pickle at all",
                "rows": pickle.dumps({"data": np.zeros((4, 7), np.uint8)}),
                "kind": pickle.dumps({"data": np.zeros((4, 3072), np.float32)}),
            }[spoil]
        )
    with pytest.raises(UserError) as told:
        find_images(tmp_path, 64 if spoil == "side" else 32, seed=0)
    assert capsys.readouterr().out == "" and (spoil in ("no test", "side") or first.name in str(told.value))


def write_folder(root, count, size=(40, 50)):
    root.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new("RGB", size, (number, 0, 0)).save(root / f"{number:03}.png")


def test_a_folder_of_images_is_scaled_cut_square_and_a_tenth_is_tested(tmp_path):
    write_folder(tmp_path / "some" / "where", 30)
    (tmp_path / "some" / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    (tmp_path / "readme.txt").write_text("not an image")
    found = find_images(tmp_path, 64, seed=0)
    assert found.train.shape[1:] == (64, 64, 3) and len(found.train) + len(found.held) + len(found.test) == 30
    assert len(found.test) in (2, 3) and len(found.refused) == 1  # the broken one may be among those to be tested
    reds = [set(part[:, 0, 0, 0].tolist()) for part in (found.train, found.held, found.test)]
    assert sum(map(len, reds)) == len(set.union(*reds)) == 30  # nothing is trained on and tested


def test_train_and_test_folders_are_kept_apart_and_fewer_may_be_asked_for(tmp_path):
    write_folder(tmp_path / "train", 40)
    write_folder(tmp_path / "test", 5)
    found = find_images(tmp_path, 32, seed=0)
    assert len(found.train) + len(found.held) == 40 and len(found.test) == 5
    fewer = find_images(tmp_path, 32, seed=0, most=25)
    assert len(fewer.train) + len(fewer.held) == 25 and len(fewer.test) == 5


def test_what_cannot_be_trained_on_is_told(tmp_path):
    write_folder(tmp_path / "few", 5)
    (tmp_path / "file").write_text("")
    for place, side, most, what in (
        (tmp_path / "none", 32, None, "no such folder"),
        (tmp_path / "file", 32, None, "no such folder"),
        (tmp_path / "few", 32, None, "5 images to train on"),
        (None, 48, None, "side 48"),
        (None, 32, 3, "3 images"),
    ):
        with pytest.raises(UserError, match=what):
            find_images(place, side, seed=0, most=most)


def test_without_a_folder_pictures_are_made_the_same_for_one_seed_and_never_twice():
    found, again, other = (find_images(None, 32, seed=seed, most=60) for seed in (0, 0, 1))
    assert found.made and "made by rule" in found.name
    assert found.digest == again.digest != other.digest
    assert (len(found.train), len(found.held), len(found.test)) == (57, 3, 6)
    assert len({image.tobytes() for part in (found.train, found.held, found.test) for image in part}) == 66


def test_made_pictures_have_edges_and_areas_of_many_colours():
    made = made_images(300, 32, np.random.default_rng(0)) / 255.0
    assert made.shape == (300, 32, 32, 3)
    beside = np.abs(np.diff(made, axis=2)).mean(axis=3)
    assert 0.3 < (beside < 0.05).mean() < 0.9 and (beside > 0.15).mean() > 0.05  # flat, mostly, and edges
    assert made.std(axis=(0, 1, 2)).min() > 0.2 and made.min() == 0 and made.max() == 1
