"""What a bench is asked for."""

from dataclasses import dataclass

from configs.errors import UserError, unknown_name
from models.resnet import BLOCKS, STAGES
from models.vqvae import NETWORKS
from simulation.workers import cores

# WESAD's chest strap, in the order of its own paper (Schmidt et al., ICMI 2018)
MODALITIES = ("accelerometer", "ecg", "emg", "eda", "temperature", "respiration")
BASELINES = tuple(f"{network}-{stage}" for network in BLOCKS for stage in STAGES)
PRECISION = {  # form -> precision; within one of these, forms differ in layout and runtime alone
    "eager": "float32",
    "channels_last": "float32",
    "bf16": "bfloat16",
    "onnx_float32": "float32",
    "onnx_int8": "int8",
}
FORMS = tuple(PRECISION)
ONNX_FORMS = ("onnx_float32", "onnx_int8")


@dataclass(frozen=True)
class EncoderBench:
    """One bench. UserError for what cannot be measured.

    modalities  from 1 to so many are measured
    threads     numbers of threads; none: one, and all cores
    limit_s     for every number of modalities and threads; fewer rounds then count, 3 at least
    windows     that the head looks at, the new one included
    """

    modalities: int = len(MODALITIES)
    threads: tuple[int, ...] = ()
    repeats: int = 15
    limit_s: float = 30.0
    windows: int = 4
    encoder: str = "patch"
    baseline: str = "resnet18-L3"
    forms: tuple[str, ...] = FORMS
    classes: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for what, names, known, where in (
            ("encoder", (self.encoder,), tuple(NETWORKS), "--encoder"),
            ("baseline", (self.baseline,), BASELINES, "--baseline"),
            ("form", self.forms, FORMS, "--forms"),
        ):
            for name in names:
                if name not in known:
                    raise unknown_name(what, name, known, where)
        if not any(PRECISION[form] == "float32" for form in self.forms):
            raise UserError(
                "no float32 form", "--forms", "one of eager, channels_last, onnx_float32: ratios stand on it"
            )
        for name, value, least, most in (
            ("modalities", self.modalities, 1, len(MODALITIES)),
            ("repeats", self.repeats, 3, 10_000),
            ("windows", self.windows, 1, 64),
            ("limit", self.limit_s, 0, 86_400),
        ):
            if not least <= value <= most:
                raise UserError(f"{name} is {value}", where=f"--{name}", expected=f"{least} to {most}")
        for threads in self.threads:
            if not 1 <= threads <= cores():
                raise UserError(
                    f"{threads} threads on {cores()} cores",
                    where="--threads",
                    expected=f"1 to {cores()}",
                    todo="more threads than cores take turns, and their times mean nothing",
                )

    @property
    def all_threads(self) -> tuple[int, ...]:
        """The numbers of threads to measure, each once, in rising order."""
        return tuple(sorted(set(self.threads or (1, cores()))))
