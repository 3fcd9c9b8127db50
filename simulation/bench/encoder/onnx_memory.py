"""Bytes of activations alive at once in ONNX Runtime, from what it did: its own order, nodes and sizes.

The optimised graph says which node reads what, one profiled run says in which order nodes ran and how large each output
was. A tensor lives from the node that writes it to the last that reads it. Where the runtime writes in place, or keeps a
buffer for later, this counts what is needed and not what its arena holds.
"""

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NUMBER_BYTES = {"float": 4, "uint8": 1, "int8": 1, "int32": 4, "int64": 8, "float16": 2, "double": 8, "bool": 1}
END = "_kernel_time"


def peak_activation_bytes(file: Path, given: Any) -> int:
    """Of one run of the file's network on `given`, an array that its caller holds and that counts too."""
    import onnx
    import onnxruntime

    with tempfile.TemporaryDirectory(prefix="fedbind-bench-") as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        options.enable_profiling, options.profile_file_prefix = True, str(Path(folder) / "run")
        options.optimized_model_filepath = str(Path(folder) / "optimised.onnx")
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        session.run(None, {"given": given})
        events = json.loads(Path(session.end_profiling()).read_text())
        nodes = onnx.load(options.optimized_model_filepath).graph.node
    ran = [each for each in events if each.get("cat") == "Node" and each["name"].endswith(END)]
    ran.sort(key=lambda each: each["ts"])
    sizes = {each["name"].removesuffix(END): _sizes(each["args"]["output_type_shape"]) for each in ran}
    named = {node.name: (tuple(node.input), tuple(node.output)) for node in nodes}
    steps = [(named[name][0], dict(zip(named[name][1], sizes[name], strict=False))) for name in sizes]
    return given.nbytes + peak_of(steps)


def peak_of(steps: Sequence[tuple[Sequence[str], Mapping[str, int]]]) -> int:
    """Bytes at peak of steps in order, each the names it reads and the bytes of what it writes.

    What nothing reads afterwards is a result, and lives to the end; names that nothing wrote are weights or inputs.
    """
    last = {name: place for place, (read, _) in enumerate(steps) for name in read}
    alive: dict[str, int] = {}
    peak = 0
    for place, (_, written) in enumerate(steps):
        alive.update(written)
        peak = max(peak, sum(alive.values()))
        alive = {name: size for name, size in alive.items() if last.get(name, len(steps)) > place}
    return peak


def _sizes(shapes: Sequence[Mapping[str, Sequence[int]]]) -> list[int]:
    return [NUMBER_BYTES[kind] * math.prod(shape) for each in shapes for kind, shape in each.items()]
