"""Embedding by the label's meaning on a node: which samples are sent, and in what words."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from configs.load import check
from protocol.embedding import unpack_embeddings
from protocol.handles import sample_handles
from protocol.kinds import EMBED


def handles(partition, count=6):
    return sample_handles(f"k:fedbind:0:{partition}".encode(), count)


@pytest.fixture
def heard(monkeypatch):
    """An encoder that notes what it is asked to read, and reads nothing in an empty text."""
    asked = []

    def vectors(texts, encoder):
        asked.append(texts)
        rows = np.eye(4, dtype=np.float32)[: len(texts)]
        return np.where(np.array([bool(text) for text in texts])[:, None], rows, 0), "an encoder"

    module = import_module("client.handlers.embed")  # the package names the function by this name too
    monkeypatch.setattr(module, "label_vectors", vectors)
    return asked


def by_label(experiment, **bind):
    tree = experiment.model_dump(mode="json")
    tree["bind"] |= {"by": "label", "weights": "none", **bind}
    tree["groups"]["a"]["context"] = {"placement": "wrist", "subjects": "students"}
    return check(tree)


def test_every_labelled_sample_is_sent_as_its_class_s_text(toy, experiment, make, heard):
    reply = make(by_label(experiment)).say(EMBED, 0)
    got, vectors = unpack_embeddings(reply.blocks["embeddings.label"])
    assert heard == [["rest", "walk"]] and reply.info["encoder"] == "an encoder"
    label_of = dict(zip(handles(0).tolist(), [0, 1, 0, 1, 0, 1], strict=True))
    assert [label_of[handle] for handle in got.tolist()] == vectors.argmax(axis=1).tolist() and len(got) == 6


def test_in_context_the_group_s_circumstances_are_read_too(toy, experiment, make, heard):
    asked = make(by_label(experiment, label_text="context"))
    asked.say(EMBED, 0)
    asked.say(EMBED, 1)  # of group b, of which nothing is known
    assert heard == [["rest; students; wrist", "walk; students; wrist"], ["rest", "walk"]]


@pytest.mark.parametrize("classes", [("", "walk"), ("rest", "")])
def test_samples_whose_label_says_nothing_are_not_sent(toy, experiment, make, heard, classes):
    toy.card = replace(toy.card, classes=classes)
    got, vectors = unpack_embeddings(make(by_label(experiment)).say(EMBED, 0).blocks["embeddings.label"])
    kept = 1 if classes[1] else 0
    assert set(got.tolist()) == {h for h, label in zip(handles(0).tolist(), [0, 1] * 3, strict=True) if label == kept}
    assert vectors.any(axis=1).all()


def test_samples_without_a_label_are_not_sent(toy, experiment, make, heard, monkeypatch):
    import client.data.holdings as holdings

    monkeypatch.setattr(holdings, "hide_labels", lambda label, *_, **__: np.array([0, -1, -1, -1, 1, -1]))
    tree = by_label(experiment).model_dump(mode="json")
    tree["groups"]["a"]["labels_per_class"] = 1
    got, _ = unpack_embeddings(make(check(tree)).say(EMBED, 0).blocks["embeddings.label"])
    assert set(got.tolist()) == set(handles(0)[[0, 4]].tolist())
