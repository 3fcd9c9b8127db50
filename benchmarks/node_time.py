"""What a node's answers cost with one frozen encoder for all sensors, and with an encoder for each.

    python -m benchmarks.node_time EXPERIMENT [--both KEY=VALUE …] [--frozen KEY=VALUE …] [--turns N] [--profile KIND FILE]

--both are overrides of both sides, --frozen of the frozen encoder's side alone (rates, codecs). fedbind, the first seed, one
thread, nodes asked one after another by the local engine in this process; the sides take turns, so that a slow moment of
the machine meets both. CPU-ms from a message's arrival to its reply's departure, decoding and encoding included, and
the bytes of both, by kind: the mean of all answers but each node's first of its kind, which makes what later ones keep.
`--profile` writes cProfile's account of the frozen side's answers of one kind, whose times it stretches.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from flwr.app import Context, Message, RecordDict

from client.app import app
from configs.load import load
from configs.schema import Experiment
from protocol.payload import bytes_by_record
from server.report.finish import start_run
from simulation.allocator import keep_freed_memory
from simulation.jobs import check_before, grid_for, run_on

Answers = dict[str, list[tuple[float, int]]]
"""Kind -> CPU-seconds and bytes of each answer after a node's first."""


def answers_of(experiment: Experiment, profile: cProfile.Profile | None = None, of: str = "") -> Answers:
    """One job of fedbind, every answer measured."""
    found, met = defaultdict[str, list[tuple[float, int]]](list), set[tuple[str, int]]()

    def measured(message: Message, context: Context) -> Message:
        kind, node = message.metadata.message_type, message.metadata.dst_node_id
        later = (kind, node) in met
        with profile if later and kind == of and profile is not None else contextlib.nullcontext():
            began = time.process_time()
            reply = app(message, context)
            seconds = time.process_time() - began
        if later and reply.has_content():
            found[kind].append((seconds, sum(map(size_of, (message.content, reply.content)))))
        met.add((kind, node))
        return reply

    (seed, *_), method = experiment.seeds, "fedbind"
    with tempfile.TemporaryDirectory() as folder:
        run = start_run(experiment, Path(folder) / "run", False)
        grid: Any = grid_for(experiment, method, seed)
        grid.client_app = measured
        run_on(grid, experiment, method, seed, run)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment")
    parser.add_argument("--both", nargs="*", default=[])
    parser.add_argument("--frozen", nargs="*", default=[])
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--profile", nargs=2, metavar=("KIND", "FILE"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    sides = {
        "frozen": load(asked.experiment, [*asked.both, "methods=[fedbind]", "models.encoder=unified", *asked.frozen]),
        "each": load(asked.experiment, [*asked.both, "methods=[fedbind]"]),
    }
    for experiment in sides.values():
        check_before(experiment)
    profile = cProfile.Profile() if asked.profile else None
    of, file = asked.profile or ("", "")
    turns = [
        {side: answers_of(each, profile if side == "frozen" else None, of) for side, each in sides.items()}
        for _ in range(asked.turns)
    ]
    print("| kind | answers | frozen, CPU-ms | each, CPU-ms | ratio | frozen, kB | each, kB | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for kind in sorted(set(turns[0]["frozen"]) & set(turns[0]["each"])):
        cells = [str(sum(len(turn["frozen"][kind]) for turn in turns))]
        for number, scale in ((0, 1e3), (1, 1e-3)):
            by_turn = [[scale * mean(turn[side][kind], number) for side in sides] for turn in turns]
            cells += [" ".join(f"{pair[side]:.1f}" for pair in by_turn) for side in (0, 1)]
            cells.append(" ".join(f"{frozen / each:.3f}" if each else "–" for frozen, each in by_turn))
        print(f"| {kind} | {' | '.join(cells)} |")
    if profile is not None:
        profile.dump_stats(file)


def size_of(content: RecordDict) -> int:
    """Bytes of one message, as a run counts them."""
    return sum(bytes_by_record(content).values())


def mean(answers: list[tuple[float, int]], number: int) -> float:
    """Of the answers' CPU-seconds (0) or bytes (1); 0 without any."""
    return sum(answer[number] for answer in answers) / max(len(answers), 1)


if __name__ == "__main__":
    main()
