"""Where generic pictures come from: CIFAR-10 in its original files, a folder, or made here."""

from simulation.pretrain.images.source import Images, find_images

__all__ = ["Images", "find_images"]
