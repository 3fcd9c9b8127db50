"""Names of the blocks that speak of the frozen encoder, alike on both sides.

unified              {"file": uint8 (bytes,)}: what `models.vqvae.pack` made
mixture.<modality>   {"mean": (signal,), "turn": (signal, fewer)}, by which signals of a modality are mixed
latents.<modality>   {"mean": (number,), "turn": (number, fewer)}, to which latents of a modality are turned

Under the last two names nodes tell what follows them: {"count": (1,), "total": (n,), "products": (n · (n + 1) / 2,)}.
"""

BLOCK = "unified"
MIXTURE = "mixture."
AXES = "latents."
