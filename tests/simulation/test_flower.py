import os
from pathlib import Path

import pytest

from configs.errors import UserError
from simulation.flower import federation_config, run_with_flower
from simulation.superlink import flower_environment, tail


def test_no_more_workers_than_nodes_or_cores() -> None:
    assert federation_config(3, cores=16) == "num-supernodes=3 client-resources-num-cpus=1 init-args-num-cpus=3"
    assert federation_config(20, cores=2) == "num-supernodes=20 client-resources-num-cpus=1 init-args-num-cpus=2"


def test_a_folder_without_an_app_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"pyproject\.toml"):
        run_with_flower(tmp_path, {}, num_nodes=2, log=tmp_path / "log")


def test_proxies_are_not_asked_for_loopback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NO_PROXY", "example.org")
    assert flower_environment(tmp_path)["NO_PROXY"] == "example.org,127.0.0.1,localhost"
    assert os.environ["NO_PROXY"] == "example.org"


def test_the_tail_of_a_log_has_no_colours(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\n\x1b[91mtwo\x1b[0m\nthree\n\n")
    assert tail(log, lines=2) == "two\nthree"
    assert tail(tmp_path / "missing") == ""
