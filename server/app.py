"""Flower ServerApp: the whole run on one screen, in the order of the paper."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from configs.errors import UserError
from configs.load import from_run_config
from configs.schema import Experiment
from server.bound import keep_bound
from server.dispatch import Dispatch, Tally
from server.job import Job
from server.methods.catalogue import METHODS
from server.methods.method import Phase, learning, measured, plan
from server.phases.describe import describe
from server.phases.evaluate import evaluate
from server.phases.finetune import finetune
from server.phases.measure import measure
from server.phases.self_train import self_train, self_trains
from server.phases.unified import begin_unified, give_encoder
from server.pretraining import keep_for_others, taken_over
from server.report.finish import finish_run, run_folder
from server.resume import Progress, forget, keep, taken_up
from server.state import JobState
from server.tracking import JobLog, RunFolder
from server.wire import ServerWire

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Every method under every seed that the configuration names, then the report."""
    experiment = from_run_config(context.run_config)
    if experiment.run.pretraining is not None:
        raise UserError(
            "run.pretraining is for the engines local and ray", where="run.pretraining", todo="leave it out"
        )
    folder = run_folder(experiment, context.run_config)
    for seed in experiment.seeds:
        for method in experiment.methods:
            run_job(grid, experiment, method, seed, folder)
    finish_run(folder, experiment)


def run_job(grid: Grid, experiment: Experiment, method: str, seed: int, folder: RunFolder) -> dict[str, Any]:
    """One method under one seed, from describing the nodes to its figures; a finished job is not run again."""
    if finished := folder.read_json(f"jobs/{method}-seed{seed}/result.json"):
        return finished
    path: Path = folder.job(method, seed)
    began = time.monotonic()
    with JobLog(path, method, seed) as log:
        settings, wire = experiment.run, ServerWire(experiment.wire)
        dispatch = Dispatch(grid, log, method, seed, settings.reply_timeout_s, settings.min_nodes, wire=wire)
        job = Job(experiment, method, seed, dispatch, path)
        cpu_began = job.cpu_seconds()
        log.append({"event": "plan", "phases": plan(METHODS[method], experiment)})

        with job.phase("describe"):
            described = describe(job, JobState())
            unified = experiment.models.encoder == "unified"
            before = learning(METHODS[method], experiment)  # fedbind: autoencoder, embed, bind, contrast
            begun = taken_up(job, begin_unified(job, described) if unified else described)
            earlier = taken_over(job, begun, len(before))
        state = earlier.state
        if unified:
            counted = dispatch.tally
            if earlier is not begun:  # what giving it costs was counted with the training that was taken over
                dispatch.tally = Tally(skipped=counted.skipped, refused=counted.refused)
            with job.phase("encoder"):
                state = give_encoder(job, state)
            dispatch.tally = counted
        phases = [
            *before,
            *([Phase("measure", 1, measure)] if measured(METHODS[method], experiment) else []),
            Phase("fine-tune", experiment.rounds.finetune, finetune),
            *(
                [Phase("self-train", experiment.rounds.self_training, self_train)]
                if self_trains(experiment, bool(before))
                else []
            ),
            Phase("evaluate", 1, evaluate),
        ]
        for done, phase in enumerate(phases[earlier.done :], start=earlier.done + 1):
            with job.phase(phase.name):
                state = phase.run(job, state)
            spent = (earlier.seconds + time.monotonic() - began, earlier.cpu_seconds + job.cpu_seconds() - cpu_began)
            progress = Progress(done, state, dispatch.tally, *spent)
            if done == len(before):
                keep_bound(state, path)
                keep_for_others(job, progress)
            keep(path, progress)

        result = job.result(state, *spent)
        if state.pairing:
            folder.write_json(path.relative_to(folder.path) / "pairing.json", state.pairing)
        folder.write_json(path.relative_to(folder.path) / "result.json", result)
        forget(path)
    return result
