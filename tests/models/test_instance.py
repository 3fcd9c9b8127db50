"""Instance discrimination on hand-worked rows."""

import math

import pytest
import torch

from models.instance import SharedEncoder, instance_loss


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
