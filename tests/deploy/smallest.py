"""The demo configuration at its smallest size: one method, one seed, one node a group, every phase in few messages."""

from configs.load import load

DEMO = "configs/demo.yaml"


def smallest() -> str:
    """Overrides of the demo configuration, as the run configuration's `set` takes them."""
    one_node_each = [f"groups.{group}.nodes=1" for group in load(DEMO).incomplete_groups]
    settings = [
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
    return " ".join(settings + one_node_each)
