"""An ESTIMATE of the energy of one inference, from published energies per operation and per byte.

Horowitz, "Computing's energy problem", ISSCC 2014, figure 1.1.9: 45 nm, 0.9 V. A multiply-add is a multiplication and
an addition in the precision of its sum. Weights come once per inference from DRAM (the lower of the two figures there),
activations pass once per operator through a cache of 1 MB. Nothing here was measured; today's chips need less, and what
compares is the ratio.
"""

MULTIPLY_ADD_PJ = {
    "float32": 3.7 + 0.9,
    "bfloat16": 1.1 + 0.9,  # as 16-bit floating point there, added up in 32
    "int8": 0.2 + 0.1,  # added up in 32 bits
}
DRAM_PJ_PER_BYTE = 1300 / 8
CACHE_PJ_PER_BYTE = 100 / 8
BYTES = {"float32": 4, "bfloat16": 2, "int8": 1}


def energy_uj(precision: str, macs: int, weights: int, moved_numbers: float) -> dict[str, float]:
    """Microjoule of one inference: arithmetic, weights, activations, total.

    macs           multiply-adds
    weights        numbers, not bytes
    moved_numbers  that operators read and write
    """
    parts = {
        "arithmetic": macs * MULTIPLY_ADD_PJ[precision] / 1e6,
        "weights": weights * BYTES[precision] * DRAM_PJ_PER_BYTE / 1e6,
        "activations": moved_numbers * BYTES[precision] * CACHE_PJ_PER_BYTE / 1e6,
    }
    return {**parts, "total": sum(parts.values())}
