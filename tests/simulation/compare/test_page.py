"""The page and pictures of made-up rows: every branch draws, and what is not known is a dash."""

from simulation.compare.figures import Row, lines, target_of
from simulation.compare.page import page
from simulation.compare.plots import ends, ways
from simulation.compare.ranking import ranking
from simulation.compare.tune import Try, Tuned

NAMES = ["fedavg", "mine<b>:Rule", "krum"]


def rows(timed):
    return [
        Row(name, (alpha,), seed, 0.9 - 0.2 * at + seed / 1000, 0.3333, 0.1, 10**6, 60.0, 432.1 if timed else None,
            {2: (0.2, 10**5, 3.0 if timed else None), 4: (0.6, 2 * 10**5, 6.0 if timed else None)},
            0.7777 if name == "krum" else None, 0.6666)
        for at, name in enumerate(NAMES) for alpha in ("0.1", "10") for seed in range(5)
    ]  # fmt: skip


def drawn(rows, tuned=(), failed=()):
    found, order = lines(rows, NAMES, 0.9), ranking(rows, NAMES)
    targets = {place: target_of([r for r in rows if r.place == place], 0.9) for place in {r.place for r in rows}}
    pictures = {
        "ends": ends(["alpha"], found, order, "made up"),
        "ways": ways(["alpha"], rows, NAMES, targets, "made up"),
    }
    text = page(title="A <title>", settings=["alpha"], lines=found, ranking=order, tuned=tuned, pictures=pictures, share=0.9,
                status="Finished.", note="", command="fedbind compare", failed=failed, warnings=[])  # fmt: skip
    return text, pictures


def test_all_of_it():
    tuned = [Tuned("krum", ("0.1",), [Try([], 0.25, 1.0), Try(["contrast.rate=1"], 0.5, 2.5)], 1)]
    text, pictures = drawn(rows(timed=True), tuned, ["krum, seed 1: no"])
    assert all(png.startswith(b"\x89PNG") for png in pictures.values()) and text.count("data:image/png") == 2
    assert "A &lt;title&gt;" in text and "mine&lt;b&gt;:Rule" in text and "mine<b>" not in text
    for told in ("simulated s to target", "432.1", "33.3", "77.8", "66.7", "contrast.rate=1", "3.5 CPU-seconds", "no</li>",
                 "Nemenyi", "90 %"):  # fmt: skip
        assert told in text, told
    assert "<script" not in text and "http" not in text


def test_what_is_not_there_takes_no_room():
    bare = [Row(each.strategy, each.place, each.seed, each.accuracy) for each in rows(False) if each.seed < 2]
    text, pictures = drawn(bare)
    assert pictures["ways"] is None and text.count("data:image/png") == 1
    assert "simulated" not in text and "personal model there" not in text and "Tuning" not in text and "–" in text
    assert "A critical difference is told of" in text
