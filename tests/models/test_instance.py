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
