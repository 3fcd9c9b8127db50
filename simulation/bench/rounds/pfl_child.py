"""Apple's pfl on the bench's rounds, run by its own environment's Python (`benchmarks/pfl_env.sh`).

As its documentation has it: FederatedAveraging over a SimulatedBackend, users' data as resident tensors, the same weight for
every user, a central SGD step of rate 1 (the mean of the updates), and torchrun for more than one process. Nobody is
evaluated but in the first iteration, which is not counted and whose metrics are empty.
"""

from __future__ import annotations

import json
import os
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from pfl.aggregate.simulate import SimulatedBackend
from pfl.aggregate.weighting import WeightByUser
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.callback.base import TrainingProcessCallback
from pfl.data.dataset import Dataset
from pfl.data.federated_dataset import FederatedDataset
from pfl.data.sampling import get_user_sampler
from pfl.hyperparam.base import NNTrainHyperParams
from pfl.metrics import Metrics
from pfl.model.pytorch import PyTorchModel
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from models.blocks import as_block
from simulation.bench.rounds.server import cpu_seconds
from simulation.bench.rounds.task import BATCH, RATE, data_of, network


class _Trained(nn.Module):
    """The bench's network with what pfl asks of one."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """The loss of a batch."""
        self.net.train()
        return cross_entropy(self.net(x), y)

    def metrics(self, x: Tensor, y: Tensor) -> dict[str, Any]:
        """Nothing is measured."""
        return {}


class _Clock(TrainingProcessCallback):
    """When each round ended, and the CPU seconds of this process until then."""

    def __init__(self) -> None:
        self.ended, self.cpu = [time.perf_counter()], [cpu_seconds([psutil.Process()])]

    def after_central_iteration(self, aggregate_metrics: Metrics, model: Any, *, central_iteration: int) -> Any:
        """Looks at the clocks; never stops the training."""
        self.ended.append(time.perf_counter())
        self.cpu.append(cpu_seconds([psutil.Process()]))
        return False, Metrics()


def main(text: str) -> None:
    """Runs the rounds that the JSON names; the first process writes figures to `out`.json, weights to `out`.npz."""
    asked = json.loads(text)
    torch.set_num_threads(1)
    net, warm_up, rounds = network(asked["model"]), max(1, asked["warm_up"]), asked["rounds"]

    @cache
    def user(node: int) -> Dataset:
        return Dataset(data_of(asked["model"], node), user_id=str(node))

    if asked["warm_up"] < 1:
        raise SystemExit("pfl evaluates in its first round, so one round at least must warm up")
    model = PyTorchModel(_Trained(net), torch.optim.SGD, torch.optim.SGD(net.parameters(), lr=1.0))
    users = FederatedDataset(user, get_user_sampler("minimize_reuse", list(range(asked["nodes"]))))
    clock = _Clock()
    FederatedAveraging().run(
        algorithm_params=NNAlgorithmParams(
            central_num_iterations=warm_up + rounds, evaluation_frequency=10**9,
            train_cohort_size=asked["nodes"], val_cohort_size=None,
        ),
        backend=SimulatedBackend(training_data=users, val_data=users, postprocessors=[WeightByUser()]),
        model=model,
        model_train_params=NNTrainHyperParams(local_batch_size=BATCH, local_num_epochs=1, local_learning_rate=RATE),
        callbacks=[clock],
        send_metrics_to_platform=False,
    )  # fmt: skip
    used = torch.tensor(clock.cpu[-1] - clock.cpu[warm_up], dtype=torch.float64)
    if torch.distributed.is_initialized():
        torch.distributed.all_reduce(used)
    if int(os.environ.get("RANK", "0")) == 0:
        out = Path(asked["out"])
        np.savez(out.with_suffix(".npz"), **as_block(net))  # type: ignore[arg-type]
        walls = [
            after - before for before, after in zip(clock.ended[warm_up:], clock.ended[warm_up + 1 :], strict=False)
        ]
        told = {"wall": walls, "cpu": float(used) / rounds}
        out.with_suffix(".json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
