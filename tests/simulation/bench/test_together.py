"""All benches together: whose ratio stands where, aims, and that what is finished is not run again."""

import json

import pytest

from cli.app import call
from simulation.bench import together
from simulation.bench.together import AIMS, PARTS, gathered, run, table

FOUND = {
    "match": {"ratios": {"match_over_faiss": 0.5, "match_over_matmul": 1.4}, "extra_bytes": 48_000_000},
    "encoder": {"ratios": {"macs": 30.0, "form": {"unified": "eager"}}},
    "rounds": {"ratios": {"ray_wall_over_plain": 0.55, "ray_wall_over_pfl": None, "by_model": {"mlp": {}}}},
    "rounds_encoder": {"ratios": {"ray_wall_over_plain": 0.7}},
}


def test_every_ratio_with_an_aim_has_its_place_whether_it_was_measured_or_not():
    told = gathered(FOUND)
    assert set(AIMS) <= set(told["ratios"]) and told["ratios"]["ray_wall_over_pfl"] is None
    assert told["ratios"]["match_over_matmul"] == 1.4 and told["ratios"]["encoder_macs"] == 30.0
    assert (told["ratios"]["ray_wall_over_plain"], told["ratios"]["own_encoder_ray_wall_over_plain"]) == (0.55, 0.7)
    assert told["extra_bytes"] == 48_000_000 and told["driver_peak_bytes"] is None
    lines = {line.split()[0]: line for line in table(told).splitlines()[1:]}
    assert lines["ray_wall_over_plain"].endswith("met") and lines["match_over_matmul"].endswith("MISSED")
    assert "not measured" in lines["driver_peak_bytes"] and lines["extra_bytes"].endswith("met")


def test_what_is_finished_is_kept_and_what_fails_is_told_and_tried_again(tmp_path, monkeypatch):
    asked = []

    def one(command):
        asked.append(command)
        return "ended with code 1" if command[0] == "scale" and len(asked) < 3 else {"ratios": {command[0]: 1.0}}

    monkeypatch.setattr(together, "_one", one)
    first = run(["match", "scale", "wire"], {"match", "scale"}, True, {}, tmp_path, lambda text: None)
    assert [command[0] for command in asked] == ["match", "scale"] and list(first["failed"]) == ["scale"]
    again = run(["match", "scale"], {"match", "scale"}, True, {}, tmp_path, lambda text: None)
    assert [command[0] for command in asked] == ["match", "scale", "scale"] and not again["failed"]
    assert again["ratios"]["match"] == again["ratios"]["scale"] == 1.0
    assert json.loads((tmp_path / "bench.json").read_text()) == again
    run(["match"], {"match"}, False, {"match": ["--width", "9"]}, tmp_path, lambda text: None)  # another question
    assert asked[-1] == [*PARTS["match"].command, "--width", "9"]


@pytest.mark.slow
def test_the_command_ends_with_one_table_and_one_json_object(tmp_path, capsys):
    code = call(["bench", "all", "--quick", "--only", "pictures", "--out", str(tmp_path), "--json"])
    out = capsys.readouterr()
    told = json.loads(out.out.strip().splitlines()[-1])
    assert code == 0 and told["quick"] and "match_over_matmul" in out.err
    assert told["ratios"]["pictures_over_torch_stft"] > 0 and set(told["benches"]) == {"pictures"}
    assert call(["bench", "all", "--only", "mtach"]) == 2


def test_every_bench_s_command_is_known_and_its_reduced_form_is_of_the_same(capsys):
    for part in PARTS.values():
        assert part.command[0] == part.quick[0]
        assert call(["bench", part.command[0], "--help"]) == 0
