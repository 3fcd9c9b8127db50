"""MPM: masked input modalities, with a prompt that says which are there."""

from __future__ import annotations

from server.methods.method import Method
from server.methods.mim import masked

MPM = Method(
    "mpm",
    "Modality presence prompt (MMBind, section 6.1.2): as mim, and every projection and the fusion head are told by a "
    "vector of 0 and 1 which modalities a sample really holds. Labels serve it as they serve mim (contrast.labels).",
    masked,
)
