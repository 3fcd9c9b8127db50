"""The lower bound: no pre-training at all."""

from server.methods.method import Method

LOWER_BOUND = Method(
    "lower_bound",
    "The same network from scratch on the fine-tuning nodes' labels alone; the other nodes take no part.",
    lambda experiment: [],
)
