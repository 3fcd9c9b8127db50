"""What every test stands on: no network, no telemetry, one thread, Flower's home in a folder that goes away.

The environment is set while this file is read, before flwr, ray or transformers are imported: they read it once.
"""

import atexit
import os
import shutil
import tempfile

_flower_home = tempfile.mkdtemp(prefix="fedbind-flower-home-")
atexit.register(shutil.rmtree, _flower_home, ignore_errors=True)

os.environ.update(
    FLWR_HOME=_flower_home,
    FLWR_TELEMETRY_ENABLED="0",
    FLWR_DISABLE_UPDATE_CHECK="1",
    FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION="1",
    RAY_USAGE_STATS_ENABLED="0",
    HF_HUB_OFFLINE="1",
    TRANSFORMERS_OFFLINE="1",
    MPLBACKEND="Agg",
)

import torch  # noqa: E402
from hypothesis import settings  # noqa: E402

torch.set_num_threads(1)

# The same examples in every run, and no deadline: a busy machine is not a failure.
settings.register_profile("exact", derandomize=True, deadline=None, database=None)
settings.load_profile("exact")
