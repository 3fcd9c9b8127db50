"""Describe over made-up hosts: who is taken in, who is left out and why, and when the job ends with a message."""

from dataclasses import asdict

import numpy as np
import pytest
from flwr.app import Message

from configs.errors import UserError
from configs.load import check
from protocol.kinds import ECHO
from protocol.manifest import Manifest, ModalityManifest
from protocol.payload import Payload
from server.dispatch import Dispatch
from server.job import Job
from server.phases.describe import describe
from server.state import JobState
from simulation.local import LocalGrid

SENSORS = {"a": ["acc", "gyr"], "b": ["acc", "ecg"], "finetune": ["gyr", "ecg"], "test": ["gyr", "ecg"]}
PLACES = [(0, "a"), (1, "b"), (2, "finetune"), (3, "test")]


@pytest.fixture
def experiment():
    return check({
        "name": "small", "seeds": [0], "methods": ["fedbind"],
        "data": {"name": "x", "modalities": {"acc": {}, "gyr": {}, "ecg": {}}},
        "split": {"a": [1], "b": [2], "finetune": [3], "test": [4]},
        "groups": {name: {"modalities": sensors} for name, sensors in SENSORS.items()},
        "bind": {"by": "acc"},
    })  # fmt: skip


def told(partition, group, samples=5, **changes):
    sensors = {name: ModalityManifest("inertial", 16, 2, 50.0, samples) for name in SENSORS[group]}
    return asdict(Manifest(partition, group, samples, samples, sensors, ["x", "y"], True, "", 0, "")) | changes


def sums(partition, group, value=1.0, channels=2):
    frames = np.full(channels, 10.0)
    parts = {"count": frames, "total": frames * value, "squares": frames * (value**2 + 4)}
    return {f"moments.{m}": {f"{partition}/{key}": part for key, part in parts.items()} for m in SENSORS[group]}


def host(*nodes, blocks=None, **info):
    def app(message, context):
        question = Payload.from_records(message.content)
        echo = {key: question.info[key] for key in ECHO}
        return Message(Payload(blocks or {}, {"nodes": list(nodes), **info, **echo}).to_records(), reply_to=message)

    return app


def honest():
    return [host(told(p, group), blocks=sums(p, group, float(p))) for p, group in PLACES]


def described(experiment, hosts, method="fedbind"):
    grid = LocalGrid(lambda message, context: hosts[context.node_id - 100](message, context), [{}] * len(hosts), {})
    quick = experiment.model_copy(update={"run": experiment.run.model_copy(update={"hosts": len(hosts)})})
    job = Job(quick, method, 0, Dispatch(grid, [], method, 0, 60.0, 1), None)
    return describe(job, JobState()), job.dispatch


def reasons(dispatch):
    return {entry["node"]: entry["reason"] for entry in dispatch.tally.skipped}


def test_all_nodes_are_known_with_the_way_to_each(experiment):
    state, dispatch = described(experiment, honest())
    assert list(state.manifests) == [0, 1, 2, 3] and dispatch.route == {p: 100 + p for p in range(4)}
    assert not dispatch.tally.skipped


def test_normalisation_is_agreed_by_those_who_train_and_never_by_test_nodes(experiment):
    state, _ = described(experiment, honest())
    means = {name: block["mean"][0] for name, block in state.normalisation["a"].items()}
    assert means == {"moments.acc": 0.5, "moments.gyr": 1.0, "moments.ecg": 1.5}  # of nodes 0, 1; 0, 2; 1, 2
    lower, _ = described(experiment, honest(), "lower_bound")
    assert {
        name: block["mean"][0] for name, block in lower.normalisation["a"].items()
    } == means  # alike for every method


def with_data_of_its_own(experiment, group, **further):
    """The same with one group that reads further_data.mine."""
    tree = experiment.model_dump(mode="json")
    tree["further_data"] = {"mine": {"name": "folder", "modalities": ["acc", "gyr", "ecg"], **further}}
    tree["groups"][group]["data"] = "mine"
    return check(tree)


def test_each_data_set_has_statistics_of_its_own_nodes_alone(experiment):
    """Values of node p are p in the mean; b reads another data set, so its acc is 1 and everyone else's 0."""
    state, _ = described(with_data_of_its_own(experiment, "b"), honest())
    means = {
        group: {name: block["mean"][0] for name, block in blocks.items()}
        for group, blocks in state.normalisation.items()
    }
    here = {"moments.acc": 0.0, "moments.gyr": 1.0, "moments.ecg": 2.0}  # of node 0; of nodes 0 and 2; of node 2
    assert means == {"a": here, "b": {"moments.acc": 1.0, "moments.ecg": 1.0}, "finetune": here, "test": here}
    assert state.statistics(1)["moments.acc"]["mean"].tolist() == [1, 1]
    assert list(state.statistics(3)) == ["moments.ecg", "moments.gyr"]
    assert list(state.statistics(0, ["acc", "ecg"])) == ["moments.acc"]
    alone = {
        name: block["std"].tolist() for name, block in described(experiment, honest())[0].normalisation["a"].items()
    }
    assert alone["moments.acc"] != state.statistics(0)["moments.acc"]["std"].tolist() == [2, 2]


def test_nodes_of_two_data_sets_that_disagree_on_a_shape_are_told_with_both(experiment):
    other = told(1, "b")
    other["modalities"]["acc"]["channels"] = 3
    hosts = honest()
    hosts[1] = host(other, blocks={k: v for k, v in sums(1, "b", channels=3).items() if k == "moments.acc"})
    with pytest.raises(UserError) as raised:
        described(with_data_of_its_own(experiment, "b"), hosts)
    text = str(raised.value)
    assert "nodes disagree on acc" in text and "node 1, further_data.mine against data" in text
    assert "further_data.mine.rename" in text


def test_another_data_set_may_have_other_words_and_the_nodes_of_one_may_not(experiment):
    by_label = with_data_of_its_own(experiment, "b")
    by_label = by_label.model_copy(update={"bind": by_label.bind.model_copy(update={"by": "label"})})
    hosts = honest()
    hosts[1] = host(told(1, "b", classes=["p", "q"]), blocks=sums(1, "b"))
    state, _ = described(by_label, hosts)
    assert state.manifests[1].classes == ["p", "q"]
    hosts[0] = host(told(0, "a", classes=["r", "s"]), blocks=sums(0, "a"))
    with pytest.raises(UserError, match=r"label sets do not overlap[\s\S]*data.name"):
        described(by_label, hosts)


def test_one_host_may_stand_for_all(experiment):
    blocks = {}
    for p, group in PLACES:
        for name, block in sums(p, group, float(p)).items():
            blocks.setdefault(name, {}).update(block)
    state, dispatch = described(experiment, [host(*(told(*place) for place in PLACES), blocks=blocks)])
    apart, _ = described(experiment, honest())
    assert list(state.manifests) == [0, 1, 2, 3] and dispatch.route == dict.fromkeys(range(4), 100)
    for name, block in apart.normalisation["a"].items():
        assert np.array_equal(block["mean"], state.normalisation["a"][name]["mean"])


def more_than_one_node_per_group(experiment):
    groups = {**experiment.groups, "a": experiment.groups["a"].model_copy(update={"nodes": 2})}
    split = {**experiment.split, "a": ["1", "5"]}
    return experiment.model_copy(update={"groups": groups, "split": split})


def of_kind(manifest, kind):
    manifest["modalities"]["acc"]["kind"] = kind
    return manifest


def far(blocks):
    for block in blocks.values():
        block["1/total"] = np.full(2, 1e300)
    return blocks


PLACES_OF_TWO = [(0, "a"), (1, "a"), (2, "b"), (3, "finetune"), (4, "test")]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (host(told(1, "a", samples=-1)), "out of bounds"),
        (host(told(1, "b")), "claims to be node 1 of group b"),
        (host(told(9, "a")), "claims to be node 9"),
        (host(told(0, "a")), "claims to be node 0"),
        (host(told([1], "a")), "another type"),
        (host("manifest"), "cannot be read"),
        (host(told(1, "a"), blocks=sums(1, "a", channels=3)), "sums of other channels than its manifest's"),
        (host(told(1, "a"), blocks={"moments.ecg": sums(1, "b")["moments.ecg"]}), "sums of other channels"),
        (host(told(1, "a"), blocks={"moments.acc": {"1/count": np.ones(2)}}), "moments.acc: expected count"),
        (host(told(1, "a", modalities={"../evil": told(1, "a")["modalities"]["acc"]})), "claims a sensor '../evil'"),
        (host(told(1, "a", modalities=told(1, "b")["modalities"])), "claims a sensor 'ecg', which group a does not hold"),
        (host(of_kind(told(1, "a"), "oracle")), "acc: unknown kind 'oracle'"),
        (host({**told(1, "a"), "group": "x" * 10_000}), "claims to be node 1"),
        (host(told(1, "a"), blocks=far(sums(1, "a"))), "values above"),
        (host(nodes=3), "needs a list of nodes"),
        (host(faults=[1]), "faults by node"),
    ],
    ids=["negative", "other group", "unknown node", "somebody else", "a list", "text", "three channels", "a sensor it lacks",
         "half the sums", "a sensor that is a path", "another group's sensor", "a kind of its own", "a name without end",
         "sums that would be infinite", "no list", "no faults by node"],
)  # fmt: skip
def test_a_host_that_lies_of_its_node_is_left_out_and_the_job_goes_on(experiment, bad, said):
    hosts = [host(told(p, group), blocks=sums(p, group)) for p, group in PLACES_OF_TWO]
    hosts[1] = bad
    state, dispatch = described(more_than_one_node_per_group(experiment), hosts)
    assert list(state.manifests) == [0, 2, 3, 4]
    [skipped] = dispatch.tally.skipped
    assert skipped["node"] == 1 and said in skipped["reason"]


def test_hosts_are_numbered_otherwise_than_their_nodes_and_only_nodes_are_told_as_missing(experiment):
    """As Flower's nodes come: in the order of their ids, which are drawn."""
    hosts = [host(told(p, group), blocks=sums(p, group)) for p, group in PLACES_OF_TWO]
    hosts = [hosts[4], host("manifest"), hosts[2], hosts[3], hosts[0]]  # who stands for node 1 cannot be read
    state, dispatch = described(more_than_one_node_per_group(experiment), hosts)
    assert list(state.manifests) == [0, 2, 3, 4] and list(reasons(dispatch)) == [1]
    hosts[1] = host(told(1, "a"), blocks=sums(1, "a"))
    hosts[4] = host("manifest")  # and now node 0
    state, dispatch = described(more_than_one_node_per_group(experiment), hosts)
    assert list(state.manifests) == [1, 2, 3, 4]
    assert list(reasons(dispatch)) == [0] and "cannot be read" in reasons(dispatch)[0]


def test_the_reason_why_a_node_is_missing_is_its_host_s_own_word(experiment):
    hosts = [host(told(p, group), blocks=sums(p, group)) for p, group in PLACES_OF_TWO]
    hosts[1] = host(faults={"1": "its recordings cannot be used", "0": "a lie about another"})
    state, dispatch = described(more_than_one_node_per_group(experiment), hosts)
    assert list(state.manifests) == [0, 2, 3, 4]
    assert reasons(dispatch) == {1: "its recordings cannot be used"}


def test_a_node_without_a_sample_is_named_and_takes_no_part(experiment):
    hosts = [host(told(p, group), blocks=sums(p, group)) for p, group in PLACES_OF_TWO]
    hosts[1] = host(told(1, "a", samples=0))
    state, dispatch = described(more_than_one_node_per_group(experiment), hosts)
    assert state.members("a") == [0] and reasons(dispatch) == {1: "no sample left after windowing"}


def test_a_group_without_a_sample_ends_the_job_with_the_reason(experiment):
    hosts = honest()
    hosts[1] = host(faults={"1": "its recordings cannot be used"})
    with pytest.raises(UserError) as caught:
        described(experiment, hosts)
    assert "no node of group b holds a sample" in str(caught.value) and "cannot be used" in str(caught.value)
    state, _ = described(experiment, hosts, "lower_bound")  # which needs no such group
    assert state.members("finetune") == [2]


def test_label_sets_that_do_not_overlap_end_a_binding_by_label(experiment):
    by_label = experiment.model_copy(update={"bind": experiment.bind.model_copy(update={"by": "label"})})
    hosts = honest()
    hosts[1] = host(told(1, "b", classes=["p", "q"]), blocks=sums(1, "b"))
    with pytest.raises(UserError, match="label sets do not overlap"):
        described(by_label, hosts)


def test_nodes_of_one_head_that_number_the_classes_otherwise_end_the_job(experiment):
    hosts = honest()
    first = told(3, "test")["classes"]
    hosts[3] = host(told(3, "test", classes=first[::-1]), blocks=sums(3, "test"))
    with pytest.raises(UserError, match="nodes disagree on the classes: node 3"):
        described(experiment, hosts)


def test_nodes_that_disagree_on_a_sensor_s_shape_end_the_job(experiment):
    other = told(1, "b")
    other["modalities"]["acc"]["frames"] = 17
    hosts = honest()
    hosts[1] = host(other, blocks=sums(1, "b"))
    with pytest.raises(UserError, match="nodes disagree on acc"):
        described(experiment, hosts)


def test_nodes_that_disagree_on_a_frame_s_layout_end_the_job(experiment):
    hosts = honest()
    for index, ((partition, group), layout) in enumerate(zip(PLACES, ([2, 1], [1, 2]), strict=False)):
        node = told(partition, group)
        node["modalities"]["acc"]["layout"] = layout
        hosts[index] = host(node, blocks=sums(partition, group))
    with pytest.raises(UserError, match="nodes disagree on acc") as raised:
        described(experiment, hosts)
    assert "2 × 1" in str(raised.value)


def test_nobody_at_all_ends_the_wait_with_a_message(experiment):
    waiting = experiment.model_copy(update={"run": experiment.run.model_copy(update={"wait_for_nodes_s": 1e-9})})
    job = Job(waiting, "fedbind", 0, Dispatch(LocalGrid(None, [], {}), [], "fedbind", 0, 1.0, 1), None)
    with pytest.raises(UserError, match="no node came within"):
        describe(job, JobState())


def wider(manifest):
    manifest["modalities"]["acc"]["channels"] = 3
    return manifest


def test_a_node_that_tells_another_shape_than_most_is_left_out_where_its_group_has_another(experiment):
    """acc is held by nodes 0 and 1 of a, 2 of b: node 1 alone says three channels."""
    hosts = [host(told(p, group), blocks=sums(p, group)) for p, group in PLACES_OF_TWO]
    hosts[1] = host(wider(told(1, "a")))
    state, dispatch = described(more_than_one_node_per_group(experiment), hosts)
    assert list(state.manifests) == [0, 2, 3, 4]
    assert reasons(dispatch) == {1: "tells acc as inertial, 16 frames, 3 channels, unlike 2 of 3 nodes"}
    assert state.normalisation["a"]["moments.acc"]["mean"].shape == (2,)


def test_where_a_whole_group_tells_another_shape_the_configuration_does_not_fit(experiment):
    hosts = [host(told(p, group), blocks=sums(p, group)) for p, group in PLACES_OF_TWO]
    hosts[2] = host(wider(told(2, "b")))
    with pytest.raises(UserError, match="nodes disagree on acc"):
        described(more_than_one_node_per_group(experiment), hosts)


def test_where_halves_disagree_nobody_is_called_odd(experiment):
    hosts = [host(told(p, group), blocks=sums(p, group)) for p, group in PLACES_OF_TWO]
    hosts[1] = host(wider(told(1, "a")))
    hosts[2] = host(faults={"2": "away"})
    with pytest.raises(UserError, match="nodes disagree on acc"):
        described(more_than_one_node_per_group(experiment), hosts, "lower_bound")


def test_a_board_that_names_other_classes_than_most_is_left_out_where_its_group_has_another(experiment):
    groups = {**experiment.groups, "test": experiment.groups["test"].model_copy(update={"nodes": 2})}
    two = experiment.model_copy(update={"groups": groups, "split": {**experiment.split, "test": ["4", "5"]}})
    hosts = [*honest(), host(told(4, "test", classes=[str(each) for each in range(9_999)]))]
    state, dispatch = described(two, hosts)
    assert state.members("test") == [3]
    assert reasons(dispatch) == {4: "tells 9999 classes of its own, unlike 2 of 3 nodes"}


def test_one_class_alone_is_nothing_to_tell_apart(experiment):
    hosts = [host(told(p, group, classes=["walk"]), blocks=sums(p, group)) for p, group in PLACES]
    with pytest.raises(UserError, match="one class alone, walk") as error:
        described(experiment, hosts)
    assert "fedbind data check" in str(error.value)
