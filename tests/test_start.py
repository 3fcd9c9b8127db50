"""What a process reads before it can answer: every node, actor and job starts one."""

import subprocess
import sys

import pytest

SLOW = {
    "scipy.signal",
    "scipy.stats",
    "scipy.io",
    "pandas",
    "pyarrow",
    "sklearn",
    "matplotlib",
    "ray",
    "sentence_transformers",
}


@pytest.mark.parametrize("module", ["client.app", "server.app", "cli.app"])
def test_no_library_is_read_that_takes_a_second_and_may_never_be_used(module):
    told = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert not SLOW & set(told.stdout.split())
