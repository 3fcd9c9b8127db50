"""One encoder for every sensor against one encoder per sensor, from the signal to the logits, at 1 to 6 modalities.

An inference takes one new window of every modality: picture (the same for both), encoder, and the head over the last
few windows, whose earlier latents are kept. Networks are those of a board: frozen, batch norms folded.
"""

from simulation.bench.encoder.run import bench_encoder
from simulation.bench.encoder.settings import BASELINES, FORMS, EncoderBench
from simulation.bench.encoder.tables import headlines

__all__ = ["BASELINES", "FORMS", "EncoderBench", "bench_encoder", "headlines"]
