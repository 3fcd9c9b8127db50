"""What fine-tuning at the edge costs against training from scratch: seconds, CPU-seconds, memory, accuracy.

    python -m benchmarks.edge RUN [key.path=value …]

RUN is a finished run (real or simulated recordings, as its configuration says). Each way is a process of its own, so that
peaks of memory do not mix: the head on cached latents or features, adapters and head, both from what was pre-trained;
everything from scratch on the same labels; and each again in bfloat16. Test nodes are counted once, at the end.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

WAYS = {
    "head alone": ["--head-only"],
    "head and adapters": [],
    "from scratch": ["--scratch"],
    "head alone, bf16": ["--head-only", "--bf16"],
    "from scratch, bf16": ["--scratch", "--bf16"],
}


def measured(run: Path, overrides: list[str], options: list[str], out: Path) -> dict[str, float]:
    """The figures of one way, in a process of its own."""
    command = [sys.executable, "-m", "cli.app", "tune", str(run), *overrides, *options]
    done = subprocess.run(
        [*command, "--test", "--json", "--quiet", "--out", str(out)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Prints one line per way."""
    run, overrides = Path(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        for place, (way, options) in enumerate(WAYS.items()):
            found = measured(run, overrides, options, Path(folder) / str(place))
            print(
                f"{way:22} test {100 * found['test_accuracy']:5.1f} %  held out {100 * found['held_accuracy']:5.1f} %  "
                f"epoch {found['epoch']:3} ({found['ended']})  {found['seconds']:6.1f} s  {found['cpu_seconds']:6.1f} CPU-s  "
                f"peak {found['peak_mib']:5.0f} MiB",
                flush=True,
            )


if __name__ == "__main__":
    main()
