"""From the latents of whatever modalities are there, over a sequence of windows, to classes.

latents of one modality  (batch, window, number, h, w)      h = w = 16 for the unified encoder
joined                   (batch, window, width, 8, 8)       `join`: one grid, however many modalities
state                    (batch, hidden, 8, 8)              `conv_lstm`: what the windows said, in their order
logits                   (batch, class)                     `mobilenet`; `on_cells` is the form that a board runs

The parts are those of Latent Sensor Fusion (Ahmed and Gummeson, ICMR 2025): latents, a Conv-LSTM over windows, a
MobileNetV3 as the classifier. How the latents of several modalities meet, and the sizes, are this project's own choice.
"""

from models.latent_fusion.conv_lstm import ConvLstm, ConvLstmCell
from models.latent_fusion.head import LatentFusion
from models.latent_fusion.join import Join
from models.latent_fusion.mobilenet import MobileNetV3Small, SqueezeExcite
from models.latent_fusion.on_cells import for_board

__all__ = ["ConvLstm", "ConvLstmCell", "Join", "LatentFusion", "MobileNetV3Small", "SqueezeExcite", "for_board"]
