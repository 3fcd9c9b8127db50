"""The demo on simulated wearables at its smallest: every phase in a second or two."""

from configs.load import load
from server.report.finish import finish_run, start_run
from server.report.summary import summarise
from simulation.jobs import run_one

# Frames that no network here has as a size, so that a window that left its node would show by its shape alone.
FRAMES = {"acc": 45, "ecg": 77, "eda": 53}

SMALLEST = [
    "data.normalise=federated",
    "data.options={subjects: 6, recordings_per_class: 2, seconds: 8}",
    *(f"data.modalities.{name}.frames={count}" for name, count in FRAMES.items()),
    "split={a: [1], b: [2], finetune: [3, 4], test: [5, 6]}",
    "groups.a.nodes=1",
    "groups.b.nodes=1",
    "groups.finetune.labels_per_class=3",
    "rounds={autoencoder: 1, contrast: 2, finetune: 2}",
    "epochs={autoencoder: 1, contrast: 1, finetune: 2}",
    "evaluation.folds=0",
    "models={width: 8, projection: 16, hidden: 24}",
    "autoencoder.width=8",
    "autoencoder.latent=10",
    "autoencoder.members=2",
]
TWO_NODES_A_GROUP = [
    "data.options={subjects: 8, recordings_per_class: 2, seconds: 8}",
    "split={a: [1, 2], b: [3, 4], finetune: [5, 6], test: [7, 8]}",
    *(f"groups.{name}.nodes=2" for name in ("a", "b", "finetune", "test")),
]


def smallest(*overrides):
    """The experiment; `overrides` come last."""
    return load("demo", [*SMALLEST, *overrides])


def in_this_process(experiment, path, resume):
    """Runs an experiment here: no process need be started for jobs of a second."""
    folder = start_run(experiment, path, resume)
    for seed in experiment.seeds:
        for method in experiment.methods:
            run_one(experiment, method, seed, folder)
    finish_run(folder, experiment)


def whole_run(experiment, path, **options):
    """Every job in this process, one after another; returns the results by (method, seed) and the summary."""
    folder = start_run(experiment, path)
    results = {
        (method, seed): run_one(experiment, method, seed, folder, **options)
        for seed in experiment.seeds
        for method in experiment.methods
    }
    told = list(results.values())
    return results, summarise("run", told[0]["data"], list(experiment.seeds), told, list(experiment.methods))
