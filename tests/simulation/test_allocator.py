"""Memory freed and taken again: pages that the process has already are not asked of the system anew."""

import os
import subprocess
import sys

import pytest

_ROUNDS = """
import resource, sys, torch
from simulation.allocator import keep_freed_memory
if "kept" in sys.argv and not keep_freed_memory():
    sys.exit("no glibc")
def round():
    arrays = [torch.zeros(2**21) for _ in range(6)]  # 8 MiB each: the largest that a round makes are of this size
for _ in range(3):
    round()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    round()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


# What is freed goes back at once in both processes: left to itself, the allocator may keep it by the heap's shape alone.
_AT_ONCE = {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=131072:glibc.malloc.trim_threshold=131072"}


def faults(*argument: str) -> int:
    command, environment = [sys.executable, "-c", _ROUNDS, *argument], {**os.environ, **_AT_ONCE}
    found = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if "no glibc" in found.stderr:
        pytest.skip("not a system whose allocator takes such an order")
    assert found.returncode == 0, found.stderr
    return int(found.stdout)


def test_rounds_after_the_first_fault_in_no_pages():
    kept, given_back = faults("kept"), faults()
    assert kept < 100  # 20 rounds of 6 × 2,048 pages
    assert kept < given_back / 2  # also where pages are of 2 MiB
