"""The presence prompt: the same as appending presence to the features, and told to every block of the head."""

import pytest
import torch
import torch.nn.functional as F

from models.fusion import FusionClassifier
from models.projection import Projection


def test_a_prompt_equals_features_with_presence_appended():
    torch.manual_seed(0)
    projection = Projection(2, 3, out=4, hidden=5, prompts=3)
    features, presence = torch.randn(6, 2, 3), torch.tensor([[1.0, 0, 1]] * 3 + [[0, 1.0, 0]] * 3)
    _, norm, first, act, last = projection.layers
    weight = torch.cat([first.weight, projection.prompt.weight], dim=1)  # (hidden, step·feature + prompt)
    appended = torch.cat([norm(features.flatten(1)), presence], dim=1)
    expected = F.normalize(last(act(F.linear(appended, weight, first.bias))), dim=1)
    torch.testing.assert_close(projection(features, presence), expected)
    with pytest.raises(ValueError, match="presence"):
        projection(features)


def test_without_a_prompt_the_projection_begins_and_computes_as_ever():
    torch.manual_seed(0)
    plain = Projection(2, 3, out=4, hidden=5)
    torch.manual_seed(0)
    prompted = Projection(2, 3, out=4, hidden=5, prompts=3)
    features = torch.randn(6, 2, 3)
    torch.testing.assert_close(plain(features), prompted(features, torch.zeros(6, 3)))


def test_the_head_tells_every_block_which_modalities_are_there():
    torch.manual_seed(0)
    names = ["acc", "ecg", "skeleton"]
    fresh = {m: Projection(2, 3, 4, 5, prompts=3) for m in ("ecg", "skeleton")}
    head = FusionClassifier(["ecg", "skeleton"], 2, 3, 4, fresh, dropout=0.0, prompts=names).eval()
    torch.nn.init.normal_(head.classes[2].weight)
    features = {m: torch.randn(5, 2, 3) for m in ("ecg", "skeleton")}
    both = head(features)
    here = torch.tensor([True, True, False, True, True])
    some = head(features, {"ecg": here})
    torch.testing.assert_close(some[here], both[here])  # row by row
    blind = torch.where(here[:, None, None], features["ecg"], torch.full((5, 2, 3), float("nan")))
    torch.testing.assert_close(head({**features, "ecg": blind}, {"ecg": here}), some)  # what is absent has no influence
    head.block("skeleton").prompt.weight.data[:, names.index("ecg")] += (
        1.0  # of the sample without ecg: nothing changes
    )
    told = head(features, {"ecg": here})
    torch.testing.assert_close(told[~here], some[~here])
    assert not torch.allclose(told[here], some[here])


def test_prototypes_are_set_under_the_samples_own_prompts():
    torch.manual_seed(0)
    fresh = {"ecg": Projection(2, 3, 4, 5, prompts=2)}
    head = FusionClassifier(["ecg"], 2, 3, 2, fresh, dropout=0.0, prompts=["acc", "ecg"]).eval()
    features, label = torch.randn(4, 2, 3), torch.tensor([0, 0, 1, 1])
    head.set_prototypes({"ecg": features}, label)
    told = torch.tensor([[0.0, 1.0]] * 4)  # no acc, ecg there
    expected = head.block("ecg").projection(features, told)[:2].mean(0)
    torch.testing.assert_close(head.block("ecg").prototypes[0].detach(), expected.detach())
