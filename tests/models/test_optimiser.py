"""AdamW as torch has it, without what torch reads beside it."""

import subprocess
import sys

import torch
from torch import nn

from models.optimiser import adamw


def steps(make, count=3):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 2))
    optimiser = make([{"params": net[0].parameters()}, {"params": net[2].parameters()}])
    for at in range(count):
        optimiser.param_groups[0]["lr"] = 1e-2 / (at + 1)
        optimiser.zero_grad(set_to_none=True)
        net(torch.randn(5, 4)).square().sum().backward()
        optimiser.step()
    return [*net.parameters()], optimiser


def test_its_steps_are_those_of_torch_to_the_last_bit_and_its_state_can_be_taken_up():
    ours, own = steps(lambda groups: adamw(groups, 1e-2, 0.01))
    theirs, plain = steps(lambda groups: torch.optim.AdamW(groups, lr=1e-2, weight_decay=0.01, fused=True))
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert ours[0].requires_grad and not ours[0].grad_fn
    again = adamw([{"params": ours[:2]}, {"params": ours[2:]}], 1.0, 0.0)
    again.load_state_dict(own.state_dict())
    for one, other in zip(again.state_dict()["state"].values(), plain.state_dict()["state"].values(), strict=True):
        assert all(torch.equal(torch.as_tensor(one[k]), torch.as_tensor(other[k])) for k in other)


TRAINS = """
import sys, io, torch
from models.optimiser import adamw
net = torch.nn.Linear(3, 1)
optimiser = adamw(net.parameters(), 1e-2, 0.01)
for _ in range(2):
    optimiser.zero_grad(set_to_none=True)
    net(torch.ones(2, 3)).sum().backward()
    optimiser.step()
buffer = io.BytesIO()
torch.save(optimiser.state_dict(), buffer)
optimiser.load_state_dict(torch.load(io.BytesIO(buffer.getvalue()), weights_only=True))
print(*(name for name in sys.modules if name in ("torch._dynamo", "torch._inductor", "sympy")))
"""


def test_a_process_that_trains_never_reads_the_compiler():
    told = subprocess.run([sys.executable, "-c", TRAINS], capture_output=True, text=True, check=True)
    assert told.stdout.split() == []
