"""The command `fedbind`, one file per subcommand; no logic of its own."""

import os

for _name, _value in {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}.items():  # before flwr is imported: it reads them once
    os.environ.setdefault(_name, _value)
