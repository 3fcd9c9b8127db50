"""The demo configuration at its smallest size: every phase once, one method, one seed."""

SMALLEST = " ".join(
    [
        "seeds=[0]",
        "methods=[fedbind]",
        "rounds.autoencoder=1",
        "rounds.contrast=1",
        "rounds.finetune=1",
        "epochs.autoencoder=1",
        "epochs.contrast=1",
        "epochs.finetune=2",
        "finetune.probe_epochs=1",
        "evaluation.folds=0",
        "evaluation.curve=false",
        "evaluation.audit_pairs=false",
    ]
)
