"""The strategy section: names, parameters and what they must not be joined with."""

import pytest

from configs.errors import UserError
from configs.load import check


def faults(tree, **section):
    with pytest.raises(UserError) as caught:
        check({**tree, "strategy": section})
    return str(caught.value)


def test_the_default_is_the_mean_by_examples_of_everybody(tree):
    told = check(tree).strategy
    assert (told.name, told.weights, told.parameters, told.fraction) == ("fedavg", "examples", {}, 1.0)


def test_an_unknown_name_is_answered_with_the_nearest(tree):
    assert "strategy.name: unknown 'fedadm'; did you mean fedadam?" in faults(tree, name="fedadm")
    assert "or module:name" in faults(tree, name="zzz")


def test_unknown_parameters_are_all_listed_with_the_known_ones(tree):
    told = faults(tree, name="fedadam", parameters={"eta": 0.1, "etta": 1, "mu": 2})
    assert "strategy.parameters.etta: fedadam has no such parameter; known: eta, beta_1, beta_2, tau" in told
    assert "strategy.parameters.mu" in told and "parameters.eta:" not in told
    assert "it has none" in faults(tree, name="fedavg", parameters={"mu": 2})


@pytest.mark.parametrize(
    ("name", "parameter", "value", "told"),
    [("fedadam", "eta", 0, "lies strictly"), ("fedadam", "beta_1", 1.0, "lies between 0 and 0.999"),
     ("krum", "faulty", 1.5, "a whole number is needed"), ("krum", "faulty", -1, "lies at 0 and above"),
     ("krum", "faulty", True, "a whole number is needed"), ("fedprox", "mu", "much", "a number is needed"),
     ("nnm", "then", "fedavg", "one of fedmedian"), ("fedtrimmedavg", "beta", 0.5, "lies between")],
)  # fmt: skip
def test_values_out_of_bounds(tree, name, parameter, value, told):
    assert told in faults(tree, name=name, parameters={parameter: value})


def test_noise_is_made_for_equal_weights(tree):
    assert "strategy.weights: 'examples' with dp_fixed_clipping" in faults(tree, name="dp_fixed_clipping")
    check({**tree, "strategy": {"name": "dp_fixed_clipping", "weights": "equal"}})


def test_exact_contrast_knows_no_strategy(tree):
    tree["contrast"] = {"mode": "exact"}
    assert "contrast.mode" in faults(tree, name="fedadam") and "contrast.mode" in faults(tree, fraction=0.5)
    check(tree)


def test_a_rule_of_ones_own_is_left_to_the_server(tree):
    assert (
        check({**tree, "strategy": {"name": "my.rules:Best", "parameters": {"any": 1}}}).strategy.name
        == "my.rules:Best"
    )
