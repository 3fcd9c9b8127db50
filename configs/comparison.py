"""A comparison of strategies: what is varied, in the words of `fedbind compare`, as a study's axes; and rates to try."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from configs.errors import UserError
from configs.schema import Experiment
from configs.section import Count, Section
from configs.strategy_settings import StrategySettings
from configs.study import Axis, Value

STRATEGY = "strategy"
_SHORT = ("strategy", "alpha", "nodes")
# Steps from the defaults, the nearest first: factors of the square root of ten of the client's rate, and of ten of the
# server's, whose best value lies decades apart from task to task (Reddi et al., ICLR 2021, search it so) and, the fewer
# rounds there are, rarely above the default.
_CLIENT, _SERVER = math.sqrt(10), 10.0
_ALONE = (0, -1, 1, -2, 2, -3, 3, -4, 4)  # of the client's rate, where the rule has none
_BOTH = ((0, 0), (0, -1), (0, -2), (-1, 0), (-1, -1), (1, 0), (-1, -2), (0, 1), (1, -1))  # (client, server)
MOST_TRIES = len(_ALONE)


class Plan(Section):
    """How strategies are compared."""

    tries: Count = 5  # per strategy; 1 leaves the defaults
    tune_seed: int | None = None  # None: the experiment's first
    tune_each: bool = False  # rates anew for every combination of the other settings
    target: float = 0.95  # of the best strategy's last accuracy between rounds


def axes_of(over: Sequence[str], parameters: Iterable[str], experiment: Experiment) -> list[Axis]:
    """The axes of `key=value,value` words, the strategies' first; without one it has the configuration's own alone.

    parameters  `strategy.name=value` words: parameters of a strategy wherever it stands
    """
    axes: dict[str, Axis] = {}
    own = _parameters_by_strategy(parameters)
    for word in over:
        key, equals, text = word.partition("=")
        values = _parted(text)
        if not equals or not key or not values:
            raise UserError(
                "--over needs the form key=value,value", where=word, expected="such as strategy=fedavg,fedadam"
            )
        if key in axes:
            raise UserError(f"--over names {key} twice", where=word)
        if len(set(values)) != len(values):
            raise UserError(f"--over names a value of {key} twice", where=word)
        axes[key] = Axis(
            name=key, values=[Value(name=each, overrides=_overrides(key, each, own, experiment)) for each in values]
        )
    if STRATEGY not in axes:
        name = experiment.strategy.name
        axes[STRATEGY] = Axis(
            name=STRATEGY, values=[Value(name=name, overrides=_overrides(STRATEGY, name, own, experiment))]
        )
    strangers = sorted(set(own) - {value.name for value in axes[STRATEGY].values})
    if strangers:
        raise UserError(
            f"--parameter is of a strategy that is not compared: {', '.join(strangers)}",
            expected=", ".join(value.name for value in axes[STRATEGY].values),
        )
    return [axes[STRATEGY], *(axis for key, axis in axes.items() if key != STRATEGY)]


def tries_of(client_rate: float, server: tuple[str, float] | None, tries: int) -> list[list[str]]:
    """So many settings of the rates as overrides, the first of them the defaults; equally many for every strategy.

    server  the rule's own rate: its parameter's name and default; None where it has none
    """
    if not 1 <= tries <= MOST_TRIES:
        raise UserError(f"{tries} tries", where="--tries", expected=f"1 to {MOST_TRIES}")
    if server is None:
        return [_rates(client_rate, step) for step in _ALONE[:tries]]
    name, default = server
    return [
        [*_rates(client_rate, step), *([f"strategy.parameters.{name}={default * _SERVER**own:g}"] if own else [])]
        for step, own in _BOTH[:tries]
    ]


def _rates(client_rate: float, step: int) -> list[str]:
    return [f"contrast.rate={client_rate * _CLIENT**step:g}"] if step else []


def _parameters_by_strategy(words: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in words:
        path, equals, value = word.partition("=")
        strategy, dot, name = path.rpartition(".")
        if not (equals and dot and strategy and name and value):
            raise UserError(
                "--parameter needs the form strategy.name=value", where=word, expected="such as krum.faulty=2"
            )
        found.setdefault(strategy, []).append(f"strategy.parameters.{name}={value}")
    return found


def _overrides(key: str, value: str, own: Mapping[str, list[str]], experiment: Experiment) -> list[str]:
    """What one value of a key stands for."""
    if key == "alpha":
        return ["partition.kind=dirichlet", f"partition.alpha={value}"]
    if key == "nodes":
        return [f"groups.{name}.nodes={value}" for name in experiment.incomplete_groups]
    if key != STRATEGY:
        if "." not in key and key not in type(experiment).model_fields:
            raise UserError(
                f"--over does not know {key!r}", where=f"{key}={value}", expected=f"{', '.join(_SHORT)} or a key.path"
            )
        return [f"{key}={value}"]
    configured: StrategySettings = experiment.strategy
    fresh = [] if value == configured.name else ["strategy.parameters={}"]  # the configured ones are another rule's
    equal = ["strategy.weights=equal"] if value == "dp_fixed_clipping" else []  # its noise is made for a plain mean
    return [f"strategy.name={value}", *fresh, *equal, *own.get(value, [])]


def _parted(text: str) -> list[str]:
    """The values between commas that stand in no bracket."""
    found, depth, at = [""], 0, 0
    for at in range(len(text)):
        letter = text[at]
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return [each.strip() for each in found if each.strip()]
