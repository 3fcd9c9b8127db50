"""Rules by name, and those of one's own by `module:name`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from configs.errors import UserError, unknown_name
from strategies.autofed import AutoFed
from strategies.binding_quality import BindingQuality
from strategies.bulyan import Bulyan
from strategies.centred_clipping import CentredClipping
from strategies.dp_fixed_clipping import DPFixedClipping
from strategies.fedadagrad import FedAdagrad
from strategies.fedadam import FedAdam
from strategies.fedavg import FedAvg
from strategies.fedavgm import FedAvgM
from strategies.fedbuff import FedBuff
from strategies.feddyn import FedDyn
from strategies.fedmedian import FedMedian
from strategies.fednova import FedNova
from strategies.fedprox import FedProx
from strategies.fedtrimmedavg import FedTrimmedAvg
from strategies.fedyogi import FedYogi
from strategies.flism import Flism
from strategies.geometric_median import GeometricMedian
from strategies.krum import Krum
from strategies.lowest_loss import LowestLoss
from strategies.mfedmc import MFedMC
from strategies.modality_bias import ModalityBias
from strategies.moon import Moon
from strategies.multikrum import MultiKrum
from strategies.nnm import NNM
from strategies.per_node import PerNode
from strategies.personal import Ditto, FedBN, FedPer, FedRep
from strategies.published import Blossom, Harmony
from strategies.qfedavg import QFedAvg
from strategies.rule import Rule
from strategies.scaffold import Scaffold
from strategies.zero_filled import ZeroFilled

RULES: Mapping[str, type[Rule]] = {
    "fedavg": FedAvg, "fedavgm": FedAvgM, "fedprox": FedProx, "fedadagrad": FedAdagrad, "fedadam": FedAdam,
    "fedyogi": FedYogi, "qfedavg": QFedAvg, "fedmedian": FedMedian, "fedtrimmedavg": FedTrimmedAvg, "krum": Krum,
    "multikrum": MultiKrum, "bulyan": Bulyan, "geometric_median": GeometricMedian, "centred_clipping": CentredClipping,
    "nnm": NNM, "dp_fixed_clipping": DPFixedClipping, "scaffold": Scaffold, "fednova": FedNova, "feddyn": FedDyn,
    "moon": Moon, "fedbn": FedBN, "fedper": FedPer, "fedrep": FedRep, "ditto": Ditto, "modality_bias": ModalityBias,
    "binding_quality": BindingQuality, "zero_filled": ZeroFilled, "fedbuff": FedBuff,
    "lowest_loss": LowestLoss, "per_node": PerNode, "harmony": Harmony, "mfedmc": MFedMC, "blossom": Blossom,
    "flism": Flism, "autofed": AutoFed,
}  # fmt: skip


def rule_of(name: str, parameters: Mapping[str, Any] | None = None) -> Rule:
    """The rule by its name, or `module:name` for a class of one's own that is a `strategies.rule.Rule`.

    Raises UserError for a name that nothing is known under, for a module that cannot be imported, for what is no rule,
    and for parameters that the rule does not have.
    """
    found = _own(name) if ":" in name else RULES.get(name)
    if found is None:
        raise unknown_name("strategy", name, RULES, where="strategy.name")
    given = dict(parameters or {})
    known: list[str] = [each.name for each in fields(found)] if is_dataclass(found) else []
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise UserError(
            f"{name} has no parameter {', '.join(unknown)}",
            where="strategy.parameters",
            expected=", ".join(known) or "none at all",
        )
    try:
        return found(**given)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name} takes no such parameters: {error}", where="strategy.parameters") from error


def _own(name: str) -> type[Rule]:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # whatever a file of the user's raises while it is read
        raise UserError(
            f"the strategy {name} cannot be read: {type(error).__name__}: {error}",
            where="strategy.name",
            expected="module:name of a class, the module on Python's path",
            todo="start the command in the folder of that file with PYTHONPATH=.",
        ) from error
    if not (isinstance(found, type) and issubclass(found, Rule)):
        raise UserError(
            f"{name} is no rule",
            where="strategy.name",
            expected="a class that inherits from strategies.rule.Rule, MeanLike or Collecting",
        )
    return found
