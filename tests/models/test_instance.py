"""Instance discrimination on hand-worked rows."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.instance import SharedEncoder, instance_loss, supervised_instance_loss


def test_loss_by_hand():
    first = torch.eye(2)
    assert instance_loss(first, first, temperature=1.0).item() == pytest.approx(math.log(math.e + 1) - 1)
    assert instance_loss(first, first.flip(0), temperature=1.0).item() == pytest.approx(math.log(math.e + 1))


def test_encode_gives_unit_rows():
    model = SharedEncoder(3, 120, latent=16)
    rows = model.encode(torch.randn(5, 120, 3))
    assert rows.shape == (5, 16)
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(5))


def test_of_several_members_the_dot_product_is_the_mean_of_their_cosines():
    model, windows = SharedEncoder(3, 120, latent=16, members=3), torch.randn(5, 120, 3)
    rows = model.encode(windows)
    assert rows.shape == (5, 48)
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(5))
    each = [member(windows) for member in model.members]
    assert not torch.allclose(each[0], each[1])
    torch.testing.assert_close(rows @ rows.T, sum(one @ one.T for one in each) / 3)


def test_each_member_learns_from_views_of_its_own_and_moves_no_other():
    model, drawn = SharedEncoder(3, 120, latent=16, members=2), []

    def views():
        drawn.append(torch.randn(4, 120, 3, generator=torch.Generator().manual_seed(len(drawn))))
        return drawn[-1]

    first, second = model.losses(views, 0.5)
    assert len(drawn) == 4 and not torch.equal(drawn[0], drawn[2])
    first.backward()
    assert all(parameter.grad is not None for parameter in model.members[0].parameters())
    assert all(parameter.grad is None for parameter in model.members[1].parameters())
    expected = instance_loss(model.members[1](drawn[2]), model.members[1](drawn[3]), 0.5)
    torch.testing.assert_close(second, expected)


# --- with labels ------------------------------------------------------------------------------------------------------


def test_supervised_loss_by_hand():
    """Three rows that point three ways, the first two of one label: each of these has two positives, half a share each."""
    rows, label = torch.eye(3), torch.tensor([4, 4, 7])
    log_sum = math.log(math.e + 2)
    expected = ((log_sum - 0.5) + (log_sum - 0.5) + (log_sum - 1)) / 3
    assert supervised_instance_loss(rows, rows, label, temperature=1.0).item() == pytest.approx(expected)


def test_the_other_view_is_anchor_as_well():
    """Second views swapped: row 0's own second view is e1. Positives of row 0: columns 0 and 1; of row 2: column 2."""
    first = torch.eye(3)
    second = first[[1, 0, 2]]
    log_sum = math.log(math.e + 2)
    expected = (2 * (log_sum - 0.5) + (log_sum - 1)) / 3
    assert supervised_instance_loss(first, second, torch.tensor([0, 0, 1]), 1.0).item() == pytest.approx(expected)
    alone = (log_sum + log_sum + log_sum - 1) / 3  # without labels the swapped rows miss their partner wholly
    assert instance_loss(first, second, 1.0).item() == pytest.approx(alone)


@pytest.mark.parametrize("label", [[0, 1, 2, 3, 4], [-1] * 5, [-1, 3, -1, 0, -1]])
def test_where_no_two_samples_have_one_label_it_is_the_loss_without(label):
    first, second = unit_rows(0, 5), unit_rows(1, 5)
    expected = instance_loss(first, second, 0.3)
    torch.testing.assert_close(supervised_instance_loss(first, second, torch.tensor(label), 0.3), expected)


def unit_rows(seed, count):
    rows = torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(rows, dim=1)


@given(st.lists(st.integers(-1, 2), min_size=1, max_size=7), st.integers(0, 99))
def test_it_is_the_mean_over_positives_row_by_row(label, seed):
    first, second = unit_rows(seed, len(label)), unit_rows(seed + 100, len(label))
    total = 0.0
    for anchors, candidates in ((first, second), (second, first)):
        for i, own in enumerate(label):
            scores = [float(anchors[i] @ row) / 0.5 for row in candidates]
            log_sum = math.log(sum(math.exp(score) for score in scores))
            positives = [j for j, other in enumerate(label) if j == i or other == own >= 0]
            total += sum(log_sum - scores[j] for j in positives) / len(positives) / len(label) / 2
    found = supervised_instance_loss(first, second, torch.tensor(label), 0.5).item()
    assert found == pytest.approx(total, abs=1e-5)
