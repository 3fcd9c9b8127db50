"""Unimodal: every modality by itself."""

from __future__ import annotations

from configs.schema import Experiment
from server.methods.method import Method, Phase
from server.phases.unimodal import train_unimodal


def alone(experiment: Experiment) -> list[Phase]:
    """One phase, as many rounds as binding's contrast."""
    return [Phase("contrast", experiment.rounds.contrast, train_unimodal)]


UNIMODAL = Method(
    "unimodal",
    "Each modality's encoder is pre-trained by itself over all nodes that hold it (MMBind, section 6.1.2; there "
    "autoencoders, here instance discrimination, which serves the same encoder better); nothing is bound. Where labels "
    "bind, a node's windows of one label attract each other too (contrast.labels).",
    alone,
)
