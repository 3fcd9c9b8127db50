"""How replies become the next model: the strategy by name, what nodes count, who takes part, and the rules' parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import Field

from configs.section import Count, Section

Value = bool | int | float | str


@dataclass(frozen=True)
class Parameter:
    """A rule's parameter: its default, and between what it lies (both ends allowed, unless `open`) or what it may be."""

    default: Value
    low: float = 0.0
    high: float = math.inf
    open: bool = False
    among: tuple[str, ...] = ()

    def fault(self, value: Value) -> str | None:
        """What is wrong with a value, or None."""
        if isinstance(self.default, str):
            return None if value in self.among else f"{value!r} is not allowed; one of {', '.join(self.among)}"
        kind = "a whole number" if isinstance(self.default, int) else "a number"
        right = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not right or (isinstance(self.default, int) and value != int(value)):
            return f"{value!r} is not allowed; {kind} is needed"
        number = float(value)
        inside = self.low < number < self.high if self.open else self.low <= number <= self.high
        return None if inside else f"{value!r} is not allowed; it lies {self._between()}"

    def _between(self) -> str:
        ends = f"{self.low:g} and {self.high:g}" if math.isfinite(self.high) else f"{self.low:g} and above"
        return ("strictly " if self.open else "") + (f"between {ends}" if math.isfinite(self.high) else f"at {ends}")


_RATE = Parameter(1.0, open=True)
_ETA = Parameter(0.1, open=True)
_BETA = Parameter(0.9, 0.0, 0.999)
_TAU = Parameter(1e-3, open=True)
_FAULTY = Parameter(1)

# Each defined in strategies/, found by its name in strategies/registry.py; a test holds the two together.
STRATEGIES: Mapping[str, Mapping[str, Parameter]] = {
    "fedavg": {},
    "fedavgm": {"server_rate": _RATE, "momentum": _BETA},
    "fedprox": {"mu": Parameter(0.01)},
    "fedadagrad": {"eta": _ETA, "tau": _TAU},
    "fedadam": {"eta": _ETA, "beta_1": _BETA, "beta_2": Parameter(0.99, 0.0, 0.99999), "tau": _TAU},
    "fedyogi": {
        "eta": Parameter(0.01, open=True), "beta_1": _BETA, "beta_2": Parameter(0.99, 0.0, 0.99999), "tau": _TAU,
    },
    "qfedavg": {"q": Parameter(0.1), "client_rate": Parameter(1e-3, open=True)},
    "fedmedian": {"faulty": _FAULTY},
    "fedtrimmedavg": {"beta": Parameter(0.2, 0.0, 0.499)},
    "krum": {"faulty": _FAULTY},
    "multikrum": {"faulty": _FAULTY, "selected": Parameter(0)},
    "bulyan": {"faulty": _FAULTY},
    "geometric_median": {"faulty": _FAULTY, "smoothing": Parameter(1e-6, open=True), "iterations": Parameter(8, 1)},
    "centred_clipping": {"faulty": _FAULTY, "radius": Parameter(1.0, open=True), "iterations": Parameter(1, 1)},
    "nnm": {
        "faulty": _FAULTY,
        "then": Parameter(
            "fedmedian",
            among=("fedmedian", "fedtrimmedavg", "krum", "multikrum", "geometric_median", "centred_clipping"),
        ),
    },
    "dp_fixed_clipping": {
        "clipping_norm": Parameter(1.0, open=True), "noise_multiplier": Parameter(1.0), "noise_seed": Parameter(-1, -1),
    },
    "scaffold": {"server_rate": _RATE},
    "fednova": {"server_rate": _RATE},
    "feddyn": {"alpha": Parameter(0.01, open=True)},
    "moon": {"mu": Parameter(1.0), "temperature": Parameter(0.5, open=True)},
    "fedbn": {},
    "fedper": {},
    "fedrep": {},
    "ditto": {"pull": Parameter(0.1)},
    "modality_bias": {"clusters": Parameter(2, 1)},
    "binding_quality": {"sharpness": Parameter(2.0)},
    "zero_filled": {},
    "fedbuff": {"buffer": Parameter(4, 1), "server_rate": _RATE, "power": Parameter(0.5)},
    "lowest_loss": {"share": Parameter(0.5, 0.01, 1.0)},
    "per_node": {},
    "harmony": {"clusters": Parameter(2, 1)},
    "mfedmc": {
        "share": Parameter(0.5, 0.01, 1.0), "modalities": Parameter(1, 1),
        "impact": Parameter(1.0), "size": Parameter(1.0), "recency": Parameter(1.0),
    },
    "blossom": {},
    "flism": {"distil": Parameter(1.0), "noise": Parameter(0.7), "temperature": Parameter(0.1, open=True)},
    "autofed": {"share": Parameter(0.75, 0.01, 1.0)},
}  # fmt: skip


class StrategySettings(Section):
    """A rule for every block, by name or as `module:name` of one's own."""

    name: Annotated[str, Field(min_length=1)] = "fedavg"
    # What a node counts: its examples; all alike; its examples times how similar its pairs are; its examples up to `cap`.
    weights: Literal["examples", "equal", "binding", "capped"] = "examples"
    cap: Count = 100
    parameters: dict[str, Value] = Field(default_factory=dict)
    fraction: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0  # share of the nodes that are asked in a round
    trace: str | None = None  # CSV of when nodes are there and how fast: node, time_s, speed, bandwidth_bytes_s, online
    example_s: Annotated[float, Field(gt=0.0)] = 0.01  # trace: seconds that a pass over one example takes at speed 1
    deadline_s: Annotated[float, Field(gt=0.0)] | None = (
        None  # trace: a round ends after so long; None: it waits for all
    )
    least_per_modality: Count = 1  # so many holders of every modality are asked, if there are as many


def strategy_faults(settings: StrategySettings) -> list[str]:
    """What is wrong with the name and the parameters; a rule of one's own tells of its parameters when it is made."""
    early = ["strategy.deadline_s: needs strategy.trace"] if settings.deadline_s and settings.trace is None else []
    if ":" in settings.name:
        return early
    if settings.name not in STRATEGIES:
        near = get_close_matches(settings.name, STRATEGIES, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(STRATEGIES)}; or module:name"
        return [*early, f"strategy.name: unknown {settings.name!r}; {hint}"]
    known, faults = STRATEGIES[settings.name], early
    for name, value in settings.parameters.items():
        if name not in known:
            told = f"known: {', '.join(known)}" if known else "it has none"
            faults.append(f"strategy.parameters.{name}: {settings.name} has no such parameter; {told}")
        elif wrong := known[name].fault(value):
            faults.append(f"strategy.parameters.{name}: {wrong}")
    if settings.name == "dp_fixed_clipping" and settings.weights != "equal":
        faults.append(
            f"strategy.weights: {settings.weights!r} with dp_fixed_clipping, whose noise is made for a mean of equal "
            "weights; use equal"
        )
    return faults
