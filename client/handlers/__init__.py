"""What a node answers, one file per phase: payload in, payload out."""

from client.handlers.adapt import adapt, decoder
from client.handlers.autoencoder import autoencoder
from client.handlers.contrast import contrast, targets
from client.handlers.describe import describe
from client.handlers.embed import audit, embed
from client.handlers.evaluate import evaluate
from client.handlers.exact import exact_gradient, exact_views
from client.handlers.finetune import finetune
from client.handlers.generate import generate
from client.handlers.probe import probe
from client.handlers.prototypes import prototypes
from client.handlers.self_train import predict, self_train
from client.handlers.unified import unified
from client.handlers.unimodal import unimodal

__all__ = [
    "adapt", "audit", "autoencoder", "contrast", "decoder", "describe", "embed", "evaluate", "exact_gradient",
    "exact_views", "finetune", "generate", "predict", "probe", "prototypes", "self_train", "targets", "unified",
    "unimodal",
]  # fmt: skip
