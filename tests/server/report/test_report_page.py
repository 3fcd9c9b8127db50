import json
import re
from html.parser import HTMLParser

import pytest

from configs.errors import UserError
from server.report import figures
from server.report.page import write_page
from server.report.record import read_run
from server.report.tables import bytes_unit, embedding_rows, fixed, headline_rows, phases_in_order, skipped_rows


class Outline(HTMLParser):
    """Collects the text, checks that tags close in order, and gathers what a browser would fetch or run."""

    VOID = frozenset({"meta", "br", "link", "img", "input", "hr"})

    def __init__(self):
        super().__init__()
        self.open, self.words, self.fetched, self.tags = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [value for name, value in attrs if name in ("src", "href", "xlink:href", "action", "data")]
        self.fetched += [f"{name}={value}" for name, value in attrs if name.startswith("on")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def outline(path):
    parser = Outline()
    parser.feed(path.read_text(encoding="utf-8"))
    assert parser.open == []
    parser.text = re.sub(r"\s+", " ", "".join(parser.words)).replace("\u00a0", " ")
    return parser


def test_a_whole_run(make_run, tmp_path):
    run = make_run(tmp_path / "run", seeds=(0, 1), epochs=90)
    seen = outline(write_page(run))
    assert "measured on REAL recordings (made-up-actions)" in seen.text and "SIMULATED" not in seen.text
    assert "fedbind run configs/made-up.yaml --seeds 5" in seen.text
    accuracies = [json.loads((run / f"jobs/fedbind-seed{s}/result.json").read_text())["accuracy"] for s in (0, 1)]
    assert f"{50 * sum(accuracies):.1f}" in seen.text
    for heading in (
        "Results", "By modalities at hand", "Who was bound to whom", "Training losses", "Fine-tuning",
        "What was taken for what", "What travelled", "Time", "What was left out", "Settings and surroundings",
    ):  # fmt: skip
        assert f" {heading} " in seen.text
    assert "68.2 % of the pairs share their class; the cosine of the raw normalised windows reaches 69.4 %" in seen.text
    assert "test data choose nothing" in seen.text
    assert "no reply within 30 s" in seen.text and "seed 0: 17, 34; seed 1: 17, 34" in seen.text
    assert "~/recordings/a9_s2_t1_inertial.mat" in seen.text and "somebody" not in seen.text
    assert "Sentence encoder: all-MiniLM-L6-v2" in seen.text
    assert "How far it came" not in seen.text
    assert "draw circle counter-clockwise" in seen.text  # 27 classes keep their whole names


def test_what_the_embeddings_are_worth_is_a_table_of_the_methods_that_have_any(make_run, tmp_path):
    run = make_run(tmp_path / "run", seeds=(0, 1), epochs=3)
    assert "What the embeddings are worth" not in outline(write_page(run)).text  # none were measured
    for seed, found in ((0, 0.25), (1, 0.35)):
        path = run / f"jobs/fedbind-seed{seed}/result.json"
        told = {"recall_at_1": found, "uniformity": -3.125, "knn_accuracy": None, "by_pair": {"a->b": None}}
        path.write_text(json.dumps(json.loads(path.read_text()) | {"embeddings": told}))
    (row,) = embedding_rows(read_run(run))
    assert row["method"] == "fedbind" and len(row["cells"]) == 11
    assert (
        row["cells"][0] == ("30.0", "± 7.1")
        and row["cells"][-2] == ("-3.12", "± 0.00")
        and row["cells"][6] == ("–", "")
    )
    seen = outline(write_page(run))
    assert "What the embeddings are worth" in seen.text and "30.0± 7.1" in seen.text


def test_the_page_stands_alone(make_run, tmp_path):
    seen = outline(write_page(make_run(tmp_path / "run", seeds=(0,), epochs=5)))
    assert seen.fetched == []
    assert not {"script", "link", "img", "iframe", "object"} & set(seen.tags)
    html = (tmp_path / "run/report.html").read_text()
    assert "http://" not in html and "https://" not in html and "url(" not in html and "@import" not in html


def test_a_tiny_simulated_run_says_so_at_every_section(tiny_run):
    seen = outline(write_page(tiny_run))
    assert "measured on SIMULATED data" in seen.text and "REAL" not in seen.text
    assert seen.text.count("SIMULATED DATA") == 9
    assert "None: every node took part in every round." in seen.text
    assert "one seed" in seen.text and "±" not in seen.text.replace("seeds ± sample", "")


def test_an_interrupted_run_says_how_far_it_came(make_run, tmp_path):
    seen = outline(write_page(make_run(tmp_path / "run", seeds=(0, 1), stop_after=3, epochs=5)))
    assert "3 of 6 jobs are finished. The run was stopped before its end. Means and spreads below" in seen.text
    assert "contrast, round 16 of 50" in seen.text and "not begun" in seen.text
    assert "Results" in seen.text


def test_a_run_that_failed_before_any_result_still_gets_its_page(make_run, tmp_path):
    run = make_run(tmp_path / "run", seeds=(0,), methods=("fedbind",), stop_after=0, status="failed", error="a <b> c")
    seen = outline(write_page(run))
    assert "The run failed. There are no results yet" in seen.text and "a <b> c" in seen.text
    assert "No job has come far enough to say whether its data were real or simulated." in seen.text
    assert "68.0 % of the pairs share their class" in seen.text  # from pairing.json, as no result is there
    assert "Training losses" in seen.text and "What travelled" not in seen.text


def test_a_run_of_which_only_the_settings_exist(tmp_path):
    (tmp_path / "config.yaml").write_text("name: bare\nseeds: [0, 1]\nmethods: [fedbind]\n")
    assert "0 of 2 jobs are finished." in outline(write_page(tmp_path)).text


def test_what_strangers_wrote_is_text_and_nothing_else(make_run, tmp_path):
    evil = '"><script>alert(1)</script>{{ 7 * 7 }}\u202e\ud800\x1b'
    run = make_run(tmp_path / "run", methods=("fedbind",), seeds=(0,), classes=(evil, "move"), epochs=3)
    job = run / "jobs/fedbind-seed0"
    result = json.loads((job / "result.json").read_text())
    result["nodes"]["skipped"] = [{"node": evil, "phase": evil, "round": evil, "reason": evil}]
    result["data_skipped"] = [{"where": evil, "reason": evil}]
    result["by_subset"] = {evil: {"accuracy": 0.5, "macro_f1": 0.5}}
    result["bytes"]["by_modality"] = {evil: {"up": 1, "down": 1}}
    result["bytes"]["by_block"] = {evil: {evil: {"up": 1, "down": 1}}}
    result["data"]["name"] = evil
    (job / "result.json").write_text(json.dumps(result))
    (job / "metrics.jsonl").write_text(json.dumps({"event": "note", "text": evil}) + "\n")
    (run / "config.yaml").write_text(json.dumps({"name": "run", "x": evil}))
    (run / "environment.json").write_text(json.dumps({"command": evil, evil: evil}))
    seen = outline(write_page(run))
    html = (run / "report.html").read_text(encoding="utf-8")
    assert "script" not in seen.tags and "<script" not in html
    assert "{{ 7 * 7 }}" in html and "49" not in seen.text
    assert not {"\u202e", "\x1b"} & set(html)


def test_the_page_is_made_from_results_and_not_from_an_older_summary(tiny_run):
    (tiny_run / "summary.json").write_text("{}")
    assert "Results" in outline(write_page(tiny_run)).text


def test_what_is_no_run_is_said(tmp_path, tiny_run):
    with pytest.raises(UserError, match="No run lies here"):
        write_page(tmp_path / "nothing")
    (tiny_run / "jobs/fedbind-seed7/result.json").write_text("{")
    with pytest.raises(UserError, match=r"result\.json"):
        write_page(tiny_run)
    (tiny_run / "jobs/fedbind-seed7/result.json").unlink()


def test_numbers_of_a_column_align_on_the_decimals(make_run, tmp_path):
    rows = headline_rows(read_run(make_run(tmp_path, seeds=(0, 1), epochs=100)))
    for column in ("accuracy", "macro_f1", "accuracy_81_200", "cpu"):
        assert len({len(row[column].mean.partition(".")[2]) for row in rows}) == 1
    assert fixed(None, 1) == "–"
    assert fixed(1234567.891, 1) == "1\u202f234\u202f567.9"


def test_a_resumed_round_is_drawn_once_and_the_later_one_counts(tiny_run):
    log = tiny_run / "jobs/fedbind-seed7/metrics.jsonl"
    again = {"event": "round", "phase": "contrast", "round": 2, "rounds": 3, "loss": 42.0, "node_losses": {"0": 42.0}}
    with log.open("a") as file:
        file.write(json.dumps(again) + "\n")
    job = read_run(tiny_run).jobs[0]
    assert [event["round"] for event in job.rounds("contrast")] == [1, 2, 3]
    assert job.rounds("contrast")[1]["loss"] == 42.0


def test_many_nodes_are_drawn_as_their_spread(make_run, tmp_path):
    job = read_run(make_run(tmp_path, methods=("fedbind",), seeds=(0,), nodes=9, epochs=2)).jobs[0]
    names = [name for name, _ in figures.loss_figures(job, named=False)[0].legend]
    assert names == ["middle of 9 nodes (band: half of them)", "all nodes"]


def test_skips_of_one_cause_are_one_row(tiny_run):
    path = tiny_run / "jobs/fedbind-seed7/result.json"
    result = json.loads(path.read_text())
    skip = {"node": 1, "phase": "contrast", "reason": "late"}
    result["nodes"]["skipped"] = [{**skip, "round": i} for i in range(1, 15)]
    path.write_text(json.dumps(result))
    (row,) = skipped_rows(read_run(tiny_run))
    assert (row["times"], row["where"]) == ("14", "seed 7: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 2 more")


def test_matrices_add_up_over_seeds_and_the_worst_mix_up_comes_first():
    total = figures.added([[[3, 1], [0, 4]], [[2, 2], [1, 3]], [[9]]])
    assert total == [[5, 3], [1, 7]]
    assert figures.mix_ups(total, ["a", "b"]) == [("a", "b", 3, 3 / 8), ("b", "a", 1, 1 / 8)]


def test_units_and_order():
    assert bytes_unit(9_999_999) == ("kB", 1e3) and bytes_unit(10_000_000) == ("MB", 1e6)
    assert bytes_unit(1_000_000, at_least=1) == ("MB", 1e6) and bytes_unit(0) == ("B", 1.0)
    assert phases_in_order(["other", "evaluate", "autoencoder"]) == ["autoencoder", "evaluate", "other"]


def test_figures_over_nodes_stand_on_the_page_where_there_are_any(make_run, tmp_path):
    path = make_run(tmp_path / "run", methods=("fedbind",), seeds=(0,), epochs=4)
    assert "Over the nodes" not in write_page(path).read_text()
    file = path / "jobs" / "fedbind-seed0" / "result.json"
    over = {"mean": 0.5123, "worst_decile": 0.2222, "std": 0.1}
    told = {
        "by_node": over,
        "personal": {"shared": over, "own": {**over, "mean": 0.6543}},
        "simulated_seconds": {"total": 77.7},
    }
    file.write_text(json.dumps(json.loads(file.read_text()) | told))
    page = write_page(path).read_text()
    assert all(text in page for text in ("Over the nodes", "51.2", "22.2", "own model", "65.4", "77.7"))
