"""The methods by name."""

from __future__ import annotations

from server.methods.cmg import CMG
from server.methods.dcm import DCM
from server.methods.fedbind import FEDBIND, UPPER_BOUND
from server.methods.imagebind import IMAGEBIND
from server.methods.lower_bound import LOWER_BOUND
from server.methods.method import Method
from server.methods.mim import MIM
from server.methods.mpm import MPM
from server.methods.unimodal import UNIMODAL

METHODS: dict[str, Method] = {
    method.name: method for method in (LOWER_BOUND, UNIMODAL, MIM, MPM, CMG, DCM, IMAGEBIND, FEDBIND, UPPER_BOUND)
}
