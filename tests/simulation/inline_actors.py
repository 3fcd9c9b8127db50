"""The engine `ray` without Ray: the same actors' code in this process, what travels pickled and read again."""

import pickle

from flwr.app import RecordDict

from server.summing import Gathered
from simulation.grid import SimulatedGrid
from simulation.ray_engine.actor import Nodes
from simulation.ray_engine.asking import Messages
from simulation.ray_engine.summed import Questions


class InlineActors(SimulatedGrid):
    """Nodes in `actors` actors, dealt out one by one; `lost` are never answered, as if their process had died."""

    adds_up = True

    def __init__(self, app, node_configs, run_config, actors, lost=()):
        super().__init__(len(node_configs))
        self.lost, self.calls = set(lost), 0
        self.actors = [Nodes(app, 1, len(node_configs)) for _ in range(actors)]
        for actor in self.actors:
            actor.begin(self.run.run_id, dict(zip(self.nodes, node_configs, strict=True)), run_config)

    def close(self):
        for actor in self.actors:
            actor.end(self.run.run_id)

    def send_and_receive(self, messages, *, timeout=None):
        by_node = {}
        for message in messages:
            self.name(message)
            by_node.setdefault(message.metadata.dst_node_id, []).append(message)
        return list(self._asked(Messages(by_node)))

    def send_and_sum(self, questions, summing, *, group_id, timeout=None):
        first = self.create_message(RecordDict(), summing.kind.message_type, questions[0].host, group_id)
        gathered = Gathered()
        for found in self._asked(Questions(questions, summing, first.metadata.__dict__)):
            gathered.join(found)
        return gathered

    def _asked(self, round):
        self.calls += 1
        for at, actor in enumerate(self.actors):
            nodes = [node for node in round.nodes() if node % len(self.actors) == at and node not in self.lost]
            if nodes:
                asked, common = pickle.loads(pickle.dumps((round.asked(nodes), round.common)))
                (told, *_), _ = actor.work(self.run.run_id, asked, None, common, [])
                yield from round.results(pickle.loads(pickle.dumps(told)))
        for node in self.lost & set(round.nodes()):
            yield from round.lost(node, "the process of this node died at every try")
