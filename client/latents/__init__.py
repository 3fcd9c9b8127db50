"""A node's windows as latents of the frozen encoder: made once, kept on the node, varied in training."""

from client.latents.cache import Latents, kept_latents, let_go
from client.latents.make import make_latents
from client.latents.view import LatentView

__all__ = ["LatentView", "Latents", "kept_latents", "let_go", "make_latents"]
