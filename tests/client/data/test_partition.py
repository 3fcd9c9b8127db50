"""Recordings to nodes and labels kept: nothing lost, nothing doubled, subjects together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.data.partition import (
    NodeShare,
    dirichlet,
    hide_labels,
    keep_labels,
    nodes_of_recordings,
    part_of,
    subjects_to_nodes,
)
from client.data.recording import Recording
from client.data.samples import SampleSet
from configs.errors import UserError

seeds = st.integers(0, 2**32 - 1)


def test_neighbouring_subjects_share_a_node():
    assert subjects_to_nodes(["1", "2", "3", "4", "5"], 2) == [NodeShare(("1", "2", "3")), NodeShare(("4", "5"))]


def test_more_nodes_than_subjects_share_a_subject():
    one, other, alone = subjects_to_nodes(["1", "2"], 3)
    assert (one, other) == (NodeShare(("1",), 0, 2), NodeShare(("1",), 1, 2))
    assert alone == NodeShare(("2",), 0, 1)


@pytest.mark.parametrize(("subjects", "nodes"), [([], 1), (["1"], 0), (["1", "1"], 1)])
def test_impossible_divisions_of_subjects_are_refused(subjects, nodes):
    with pytest.raises(UserError):
        subjects_to_nodes(subjects, nodes)


def test_the_parts_of_a_subject_look_alike():
    label = np.array([0, 0, 1, 1, 2, 2])
    assert part_of(label, 0, 2).tolist() == [0, 2, 4] and part_of(label, 1, 2).tolist() == [1, 3, 5]


@given(subjects=st.integers(1, 30), nodes=st.integers(1, 60))
def test_every_subject_is_given_once_or_in_whole_parts_and_nodes_are_balanced(subjects, nodes):
    names = [str(number) for number in range(subjects)]
    shares = subjects_to_nodes(names, nodes)
    assert len(shares) == nodes
    whole = [subject for share in shares for subject in share.subjects if share.part == 0]
    assert whole == names
    for subject in names:
        parts = [share for share in shares if subject in share.subjects]
        assert [share.part for share in parts] == list(range(parts[0].parts))
    sizes = [len(share.subjects) for share in shares]
    assert max(sizes) - min(sizes) <= 1


@given(
    label=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    nodes=st.integers(1, 12),
    kind=st.sampled_from(["subject", "dirichlet"]),
    seed=seeds,
)
def test_no_recording_is_lost_or_doubled_and_no_node_is_empty(label, nodes, kind, seed):
    recordings = [Recording(str(number % 3), each, {}, "") for number, each in enumerate(label)]
    try:
        owner = nodes_of_recordings(recordings, nodes, kind, 0.3, np.random.default_rng(seed))
    except UserError:
        fewest = min(np.bincount([int(each.subject) for each in recordings]))
        assert nodes > (len(label) if kind == "dirichlet" else fewest)
        return
    assert owner.shape == (len(label),)
    assert sorted(set(owner.tolist())) == list(range(nodes))
    if kind == "subject" and nodes <= len({each.subject for each in recordings}):
        for subject in ("0", "1", "2"):  # a subject is on one node
            assert len({node for node, each in zip(owner, recordings, strict=True) if each.subject == subject}) <= 1


def test_an_unknown_partition_is_refused():
    with pytest.raises(UserError, match="did you mean 'subject'"):
        nodes_of_recordings([Recording("1", 0, {})], 1, "subjects", 1.0, np.random.default_rng(0))


@given(
    label=st.lists(st.integers(0, 5), min_size=8, max_size=80),
    nodes=st.integers(1, 8),
    alpha=st.floats(1e-3, 1e3),
    seed=seeds,
)
def test_label_skew_loses_and_doubles_nothing(label, nodes, alpha, seed):
    held = dirichlet(np.array(label), nodes, alpha, np.random.default_rng(seed))
    assert len(held) == nodes and min(len(items) for items in held) >= 1
    assert sorted(np.concatenate(held).tolist()) == list(range(len(label)))


def test_alpha_says_how_skewed():
    label = np.repeat(np.arange(10), 100)

    def unlike(alpha):
        held = dirichlet(label, 10, alpha, np.random.default_rng(0))
        shares = np.array([np.bincount(label[items], minlength=10) / len(items) for items in held])
        return np.abs(shares - 0.1).sum(axis=1).mean()

    assert unlike(1e4) < 0.1 < 0.8 < unlike(0.05)


@pytest.mark.parametrize(("nodes", "alpha"), [(3, 1.0), (1, 0.0), (1, -1.0), (0, 1.0), (1, float("nan"))])
def test_impossible_skews_are_refused(nodes, alpha):
    with pytest.raises(UserError):
        dirichlet(np.array([0, 1]), nodes, alpha, np.random.default_rng(0))


@given(label=st.lists(st.integers(-1, 3), max_size=40), count=st.integers(0, 5), seed=seeds)
def test_so_many_labels_of_each_class_stay_and_none_changes(label, count, seed):
    before = np.array(label, dtype=np.int64)
    after = hide_labels(before, np.random.default_rng(seed), labels_per_class=count)
    assert ((after == before) | (after == -1)).all()
    for each in range(4):
        assert (after == each).sum() == min(count, (before == each).sum())


def test_a_share_of_the_labels_keeps_one_at_least_of_each_class():
    label = np.repeat([0, 1], [10, 1])
    kept = hide_labels(label, np.random.default_rng(0), share=0.25)
    assert [(kept == each).sum() for each in (0, 1)] == [3, 1]
    assert (hide_labels(label, np.random.default_rng(0), share=0.0) == -1).all()
    assert hide_labels(label, np.random.default_rng(0)).tolist() == label.tolist()


def test_whole_recordings_keep_or_lose_their_label():
    label, recording = np.zeros(12, np.int64), np.repeat(np.arange(4), 3)
    kept = hide_labels(label, np.random.default_rng(0), labels_per_class=2, recording=recording) == 0
    assert kept.sum() == 6
    assert all(len(set(kept[recording == each])) == 1 for each in range(4))


@pytest.mark.parametrize("asked", [{"labels_per_class": -1}, {"share": 1.5}, {"labels_per_class": 1, "share": 0.5}])
def test_impossible_labels_are_refused(asked):
    with pytest.raises(UserError):
        hide_labels(np.zeros(3, np.int64), np.random.default_rng(0), **asked)


def test_samples_keep_everything_but_labels():
    samples = SampleSet(
        arrays={"acc": np.ones((6, 2, 1), np.float32)},
        present={"acc": np.ones(6, bool)},
        label=np.array([0, 0, 0, 1, 1, 1]),
        subject=np.array(["1"] * 6),
        recording=np.arange(6),
    )
    kept = keep_labels(samples, 1, np.random.default_rng(0))
    assert sorted(kept.label.tolist()) == [-1, -1, -1, -1, 0, 1]
    assert kept.arrays["acc"] is samples.arrays["acc"]
