"""The settings side by side: all the same experiment, method, rounds and seeds; only what travels differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from configs.errors import unknown_name

FULL, FLOAT32 = "full_float32", "float32"  # what ratios are over; what accuracies are compared with

SETTINGS: Mapping[str, tuple[str, ...]] = {
    # Full-model averaging: every node is sent and sends all modalities' networks, absent ones as they came, and these count.
    FULL: ("wire.models=whole", "strategy.name=zero_filled"),
    FLOAT32: (),
    "int8_embeddings": ("wire.embeddings=[int8]",),
    "bf16": ("wire.up=[bf16]", "wire.down=[bf16]"),
    "bf16_int8_embeddings": ("wire.up=[bf16]", "wire.down=[bf16]", "wire.embeddings=[int8]"),
    "float16": ("wire.up=[float16]", "wire.down=[float16]"),
    "int8": ("wire.up=[int8]", "wire.down=[int8]", "wire.embeddings=[int8]"),
    "delta_int8": ("wire.up=[delta, int8]", "wire.down=[delta, int8]", "wire.embeddings=[int8]"),
    "delta_top_k_int8_up": ("wire.up=[delta, top_k, int8]", "wire.down=[delta, int8]", "wire.embeddings=[int8]"),
    "delta_top_third_int8": ("wire.up=[delta, top_k, int8]", "wire.down=[delta, top_k, int8]", "wire.embeddings=[int8]",
                             "wire.top_k_share=0.3"),
    "delta_top_k_int8": ("wire.up=[delta, top_k, int8]", "wire.down=[delta, top_k, int8]", "wire.embeddings=[int8]"),
}  # fmt: skip

# Fewer rounds than a study's, a look at every second one, and no fold: the last epoch of fine-tuning is the one that counts.
BUDGET = (
    "methods=[fedbind]", "rounds={autoencoder: 6, contrast: 30, finetune: 4}", "epochs.finetune=40", "finetune.decay_epochs=40",
    "evaluation={folds: 0, curve: false, embeddings: false, audit_pairs: false, every: 2}",
)  # fmt: skip


def overrides_of(setting: str, own: Sequence[str]) -> list[str]:
    """The budget, what the user gave for all settings, and the setting itself; raises UserError for an unknown one."""
    if setting not in SETTINGS:
        raise unknown_name("setting", setting, SETTINGS)
    return [*BUDGET, *own, *SETTINGS[setting]]
