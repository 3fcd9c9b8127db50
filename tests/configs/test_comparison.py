"""What the words of `fedbind compare` stand for, and which rates are tried."""

import pytest

from configs.comparison import MOST_TRIES, axes_of, tries_of
from configs.errors import UserError
from configs.load import load
from configs.strategy_settings import STRATEGIES
from configs.study import Study, cells


@pytest.fixture
def demo():
    return load("demo")


def values(axis):
    return {value.name: value.overrides for value in axis.values}


def test_short_names_and_key_paths_by_hand(demo):
    over = ["alpha=0.1,10", "nodes=1,4", "strategy=fedavg,fedadam,mine:Rule", "bind.by=[acc,ecg],label"]
    strategy, alpha, nodes, by = axes_of(over, ["fedadam.eta=0.2"], demo)
    assert values(strategy) == {
        "fedavg": ["strategy.name=fedavg"],
        "fedadam": ["strategy.name=fedadam", "strategy.parameters={}", "strategy.parameters.eta=0.2"],
        "mine:Rule": ["strategy.name=mine:Rule", "strategy.parameters={}"],
    }
    assert values(alpha)["0.1"] == ["partition.kind=dirichlet", "partition.alpha=0.1"]
    assert values(nodes)["4"] == ["groups.a.nodes=4", "groups.b.nodes=4"]
    assert values(by) == {"[acc,ecg]": ["bind.by=[acc,ecg]"], "label": ["bind.by=label"]}


def test_without_strategies_the_configured_one_is_compared_over_settings(demo):
    strategy, alpha = axes_of(["alpha=1"], [], demo)
    assert list(values(strategy)) == ["fedavg"] and list(values(alpha)) == ["1"]


def test_the_configured_parameters_go_with_their_own_strategy_alone():
    demo = load("demo", ["strategy.name=krum", "strategy.parameters.faulty=2"])
    (axis,) = axes_of(["strategy=krum,fedavg"], [], demo)
    study = Study(name="x", title="", explains="", base="demo", axes=[axis],
                  overrides=["strategy.name=krum", "strategy.parameters.faulty=2"])  # fmt: skip
    assert [cell.experiment.strategy.parameters for cell in cells(study)] == [{"faulty": 2}, {}]


def test_every_rule_that_is_shipped_makes_a_valid_cell(demo):
    """dp_fixed_clipping too, which needs equal weights."""
    study = Study(
        name="x", title="", explains="", base="demo", axes=axes_of([f"strategy={','.join(STRATEGIES)}"], [], demo)
    )
    assert [cell.experiment.strategy.name for cell in cells(study)] == list(STRATEGIES)


@pytest.mark.parametrize(
    ("over", "parameters", "said"),
    [(["strategy"], [], "key=value"), (["strategy="], [], "key=value"), (["=a"], [], "key=value"),
     (["alpha=1", "alpha=2"], [], "names alpha twice"), (["alpha=1,1"], [], "a value of alpha twice"),
     (["beta=1"], [], "does not know 'beta'"), ([], ["eta=1"], "strategy.name=value"),
     (["strategy=fedavg"], ["krum.faulty=2"], "not compared: krum")],
)  # fmt: skip
def test_mistakes_are_told(demo, over, parameters, said):
    with pytest.raises(UserError, match=said):
        axes_of(over, parameters, demo)


def test_rates_by_hand():
    """A factor of the square root of ten a step for the client's, of ten for the server's, the defaults first."""
    assert tries_of(0.001, None, 3) == [[], ["contrast.rate=0.000316228"], ["contrast.rate=0.00316228"]]
    assert tries_of(0.001, ("eta", 0.1), 5) == [
        [], ["strategy.parameters.eta=0.01"], ["strategy.parameters.eta=0.001"], ["contrast.rate=0.000316228"],
        ["contrast.rate=0.000316228", "strategy.parameters.eta=0.01"],
    ]  # fmt: skip


@pytest.mark.parametrize("tries", range(1, MOST_TRIES + 1))
def test_every_strategy_has_as_many_tries_and_none_twice(tries):
    for server in (None, ("eta", 0.1)):
        found = tries_of(0.01, server, tries)
        assert len({tuple(each) for each in found}) == len(found) == tries and found[0] == []


@pytest.mark.parametrize("tries", [0, MOST_TRIES + 1])
def test_too_few_or_too_many_tries_are_refused(tries):
    with pytest.raises(UserError, match="tries"):
        tries_of(0.01, None, tries)
