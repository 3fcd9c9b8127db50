"""A system in ONNX Runtime: exported by torch, in float32 or in 8 bits of which the steps were fixed beforehand."""

import contextlib
import importlib.util
import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from simulation.bench.encoder.onnx_memory import peak_activation_bytes
from simulation.bench.encoder.systems import Ready, System, picture, signals

NEEDED = ("onnx", "onnxruntime", "onnxscript")
CALIBRATED_ON = 8  # inputs that the steps are fixed by; more would change what comes out, not how long it takes


def lacking() -> str:
    """Why ONNX Runtime cannot be measured; empty where it can."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    return f"{', '.join(missing)} not installed (pip install 'fedbind[bench]')" if missing else ""


class Painted(nn.Module):
    """An encoder that takes pictures as they were painted, (batch, height, width, band), so that none is copied."""

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder

    def forward(self, painted: Tensor) -> Tensor:
        return self.encoder(painted.permute(0, 3, 1, 2))


class Exports:
    """Files made once, from which `ready` starts sessions; a context that deletes them.

    A baseline's encoders differ in their weights alone, so one file stands for all of them, and each has a session with
    its own copy.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="fedbind-bench-")
        self._made: dict[str, dict[str, Path]] = {}

    def __enter__(self) -> "Exports":
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def ready(self, system: System, form: str, windows: int, threads: int) -> Ready:
        """Sessions of `onnx_float32` or `onnx_int8`."""
        pictures = [picture(signals(system.modalities, seed)) for seed in range(CALIBRATED_ON)]
        with torch.no_grad():
            latents = [system.encode(each)[:, None].repeat(1, windows, 1, 1, 1) for each in pictures]
        batch = system.at_once
        painted = [each[:batch].permute(0, 2, 3, 1) for each in pictures]
        encoder = self._file(f"{system.name}-{batch}", Painted(system.encoders[0]), painted)[form]
        head_file = self._file(f"{system.name}-head-{system.modalities}", system.head, latents)[form]
        encoders, head = [_session(encoder, threads) for _ in system.encoders], _session(head_file, threads)
        kept = latents[0][:, 1:].numpy()

        def encode(pictures: Tensor) -> Any:
            given = pictures.permute(0, 2, 3, 1).numpy()
            turns = encoders if len(encoders) > 1 else encoders * (len(given) // batch)
            return np.concatenate(
                [each.run(None, {"given": given[at * batch : (at + 1) * batch]})[0] for at, each in enumerate(turns)]
            )

        def classify(latents: Any) -> Any:
            return head.run(None, {"given": np.concatenate([kept, latents[:, None]], axis=1)})[0]

        others = (system.modalities // batch - 1) * painted[0].nbytes  # pictures that wait for their turn
        peak = others + peak_activation_bytes(encoder, painted[0].numpy())
        return Ready(encode, classify, len(encoders) * _weight_bytes(encoder), peak)

    def _file(self, name: str, network: nn.Module, inputs: list[Tensor]) -> dict[str, Path]:
        if name not in self._made:
            self._made[name] = _exported(network, inputs, Path(self._folder.name) / name)
        return self._made[name]


def _exported(network: nn.Module, inputs: list[Tensor], at: Path) -> dict[str, Path]:
    """The network's files by form, for inputs of the first one's shape."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(inputs)

        def get_next(self) -> dict[str, Any] | None:
            given = next(self.left, None)
            return None if given is None else {"given": given.numpy()}

    files = {name: at.with_name(f"{at.name}.{name}.onnx") for name in ("onnx_float32", "prepared", "onnx_int8")}
    with _quiet():
        program = torch.onnx.export(
            network, (inputs[0],), dynamo=True, verbose=False, input_names=["given"], external_data=False
        )
        assert program is not None
        program.save(files["onnx_float32"])
        quant_pre_process(files["onnx_float32"], files["prepared"])
        quantize_static(
            files["prepared"], files["onnx_int8"], Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
    return files


def _session(file: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry(
        "session.force_spinning_stop", "1"
    )  # or its threads would wait through others' turns
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _weight_bytes(file: Path) -> int:
    """Of the numbers stored in the file."""
    import onnx

    return sum(onnx.numpy_helper.to_array(each).nbytes for each in onnx.load(str(file)).graph.initializer)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the exporters' remarks to themselves: none of them is about this network."""
    disabled = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
