"""Fine-tuning on a board by itself: encoder frozen, latents made once, limits kept, killed at any moment and going on."""

from client.edge.settings import EdgeSettings
from client.edge.tune import Tuned, tune

__all__ = ["EdgeSettings", "Tuned", "tune"]
