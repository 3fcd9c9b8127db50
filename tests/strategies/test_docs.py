"""The code on the strategies' page runs."""

import re
from pathlib import Path

import numpy as np

from configs.strategy_settings import STRATEGIES
from strategies.registry import rule_of
from strategies.rule import Reply, apply

PAGE = (Path(__file__).parents[2] / "docs" / "strategies.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def test_the_rule_of_ones_own(tmp_path, monkeypatch):
    (tmp_path / "my_rules.py").write_text(CODE[0])
    monkeypatch.syspath_prepend(str(tmp_path))
    rule = rule_of("my_rules:HalfWay", {"share": 0.25})
    made, memory = apply(rule, {"w": np.zeros(2)}, {"rounds": 1}, [Reply({"w": np.array([4.0, 8.0])})])
    assert made["w"].tolist() == [1, 2] and memory == {"rounds": 2}


def test_the_strategy_in_another_serverapp():
    found = {}
    exec(CODE[1], found)
    assert found["strategy"].weights == "equal" and found["strategy"].rule == rule_of("fedadam", {"eta": 0.01})


def test_every_strategy_and_its_parameters_are_on_the_page():
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    for name, parameters in STRATEGIES.items():
        assert f"`{name}`" in table
        assert all(f"`{each}`" in table for each in parameters), name
