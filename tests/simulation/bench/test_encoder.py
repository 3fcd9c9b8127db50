"""The bench: what it counts worked by hand, what it times, what it says, and one small run through the command line."""

import json

import numpy as np
import pytest
import torch

from cli.app import call
from configs.errors import UserError
from models.resnet import ResNetEncoder
from simulation.bench.encoder import EncoderBench, onnx_forms
from simulation.bench.encoder.costs import costs_of
from simulation.bench.encoder.energy import energy_uj
from simulation.bench.encoder.memory import watched
from simulation.bench.encoder.onnx_memory import peak_of
from simulation.bench.encoder.ratios import fastest, ratio
from simulation.bench.encoder.systems import picture, signals, system
from simulation.bench.encoder.timing import clock_of, inference, interleaved
from simulation.bench.encoder.torch_forms import in_torch
from simulation.workers import cores

SETTINGS = EncoderBench(modalities=2, threads=(1,), repeats=3, windows=2, forms=("eager",))
KIB = 1 << 10


def kibibyte():
    return torch.rand(256)


# --- what is counted --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "peak", "moved"),
    [
        (lambda x: x + 1, 1, 2),  # one made; one read, one written
        (lambda x: (x + 1) * 2 - 3, 2, 6),  # what an operator reads lives while it writes
        (lambda x: x + 1 + (x * 2), 3, 7),  # two terms and their sum
        (lambda x: x.view(16, 16).t() + 1, 1, 2),  # views move nothing
        (lambda x: x.clone().add_(1), 1, 4),  # in place nothing is made
        (lambda x: torch.stack([x + 1, x + 2]), 4, 8),
    ],
)
def test_bytes_alive_and_moved_worked_by_hand(run, peak, moved):
    seen = watched(run, kibibyte())
    assert seen.peak_bytes == peak * KIB
    assert seen.moved_bytes == moved * KIB


def test_tensors_live_from_where_they_are_written_to_where_they_are_last_read():
    steps = [
        (("given", "weight"), {"a": 4}),
        (("a",), {"b": 8, "c": 1}),  # 13: a is still read
        (("b",), {"d": 2}),  # 11 of b, c, d: a is gone
        (("c", "d"), {"e": 1}),  # 4
    ]
    assert peak_of(steps) == 13 and peak_of(steps[:1]) == 4 and peak_of([]) == 0
    assert peak_of([*steps[:2], (("b",), {"d": 6})]) == 15  # nothing reads c: it is a result and stays


def test_weights_count_as_weights_and_not_as_activations():
    layer = torch.nn.Linear(256, 256, bias=False)
    seen = watched(layer, torch.rand(1, 256), constant=tuple(layer.parameters()))
    assert seen.moved_bytes == 2 * KIB and seen.peak_bytes == KIB


def test_energy_worked_by_hand():
    found = energy_uj("float32", macs=1_000_000, weights=1000, moved_numbers=1000)
    assert found["arithmetic"] == pytest.approx(4.6)
    assert found["weights"] == pytest.approx(4000 * 162.5e-6) and found["activations"] == pytest.approx(4000 * 12.5e-6)
    assert found["total"] == pytest.approx(sum(value for name, value in found.items() if name != "total"))
    assert energy_uj("int8", 1_000_000, 0, 0)["total"] == pytest.approx(0.3)


def test_what_six_modalities_cost_meets_what_is_promised():
    """At least 15 times fewer multiply-adds, 95 % fewer parameters than one baseline encoder, less memory than one."""
    settings = EncoderBench(threads=(1,))
    ours, baseline = (costs_of(system(side, settings, 6), 4) for side in ("unified", "bev_fusion"))
    one = costs_of(system("bev_fusion", settings, 1), 4)
    assert baseline.encoder_macs == pytest.approx(6 * 458e6, rel=1e-3) and one.encoder_parameters > 2_780_000
    assert baseline.encoder_macs / ours.encoder_macs > 15 and baseline.macs / ours.macs > 15
    assert ours.encoder_parameters < 0.05 * one.encoder_parameters
    assert ours.peak_memory_bytes < one.peak_memory_bytes
    assert ours.picture_macs == baseline.picture_macs == 6 * 128 * 64 * 256
    assert ours.head_macs < baseline.head_macs < 0.01 * baseline.macs  # 256 numbers per cell are read, not 3


def test_both_sides_have_the_same_head_but_for_how_latents_are_read():
    heads = {side: system(side, SETTINGS, 2).head.head for side in ("unified", "bev_fusion")}
    counted = {
        name: [sum(p.numel() for p in getattr(head, name).parameters()) for head in heads.values()]
        for name in ("memory", "classifier")
    }
    assert all(ours == baseline for ours, baseline in counted.values())


def test_one_encoder_reads_all_modalities_as_it_reads_each():
    built = system("unified", SETTINGS, 2)
    pictures = picture(signals(2, seed=0))
    together, each = built.encode(pictures), [built.encode(pictures[[place]]) for place in range(2)]
    torch.testing.assert_close(together, torch.cat(each), atol=1e-5, rtol=1e-4)
    baseline = system("bev_fusion", SETTINGS, 2)
    assert len(baseline.encoders) == 2 and isinstance(baseline.encoders[0], ResNetEncoder)
    first, second = baseline.encode(pictures[[0, 0]])
    assert (first - second).abs().max() > 1e-3  # different weights


# --- what is timed ----------------------------------------------------------------------------------------------------


def test_cases_take_turns_and_the_last_run_of_a_turn_counts():
    calls = []

    def case(name):
        def once():
            calls.append(name)
            return (float(len(calls)),)

        return once

    found = interleaved({"a": case("a"), "b": case("b")}, repeats=2, warm_up=1, warm_s=0.0)
    assert calls == list("bbaa" + "aabb" + "bbaa")  # each round begins with another
    assert found["a"].tolist() == [[6.0], [12.0]] and found["b"].tolist() == [[8.0], [10.0]]


def test_a_limit_ends_the_rounds_once_three_count():
    found = interleaved({"a": lambda: (1.0,)}, repeats=50, limit_s=0.0, warm_s=0.0)
    assert found["a"].shape == (3, 1)


@pytest.mark.parametrize("form", ["eager", "channels_last", "bf16"])
@pytest.mark.parametrize("side", ["unified", "bev_fusion"])
def test_every_form_says_the_same(side, form):
    """Logits within 1e-4 in float32; 16-bit ones within 0.05, their spread being about as large."""
    built = system(side, SETTINGS, 2)
    plain, ready = in_torch(built, "eager", 1), in_torch(built, form, 1)
    pictures = picture(signals(2, seed=0))
    with torch.inference_mode():
        wanted, found = plain.classify(plain.encode(pictures)), ready.classify(ready.encode(pictures)).float()
    torch.testing.assert_close(found, wanted, atol=0.05 if form == "bf16" else 1e-4, rtol=1e-3)
    assert ready.weight_bytes * (2 if form == "bf16" else 1) == plain.weight_bytes
    parts = inference(ready, 2, threads=1)()
    assert len(parts) == 8 and min(parts) > 0
    for end, clock in ((3, parts[:3]), (7, parts[4:7])):
        assert parts[end] == pytest.approx(sum(clock), rel=1e-6)


def test_a_ratio_is_of_medians_and_its_spread_of_rounds():
    baseline, ours = np.array([[1.0, 8, 1, 10], [1, 8, 1, 20], [1, 8, 1, 30]]), np.ones((3, 4))
    found = ratio(baseline, ours, "end_to_end")
    assert found == {"ratio": 20.0, "quartile_low": 15.0, "quartile_high": 25.0}
    last = {("unified", "eager"): baseline, ("unified", "bf16"): ours, ("unified", "channels_last"): 2 * baseline}
    assert fastest(last, "unified", "float32") == "eager" and fastest(last, "unified", None) == "bf16"


# --- the command ------------------------------------------------------------------------------------------------------


def ended(capsys, *arguments):
    code = call(["bench", "encoder", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_help_says_what_to_install_and_what_is_estimated(capsys):
    code, out, _ = ended(capsys, "--help")
    assert code == 0 and "fedbind[bench]" in out and "ESTIMATE" in out


def test_stopped_by_hand_it_says_that_nothing_is_written(capsys, monkeypatch, tmp_path):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("simulation.bench.encoder.run.interleaved", stop)
    code, out, err = ended(capsys, "--modalities", "1", "--threads", "1", "--forms", "eager", "--out", str(tmp_path))
    assert code == 130 and "nothing written" in err and not out and not list(tmp_path.iterdir())


def test_a_small_run_ends_with_one_json_object_and_leaves_tables_and_pictures(capsys, tmp_path):
    before = torch.get_num_threads()
    code, out, err = ended(
        capsys, "--modalities", "2", "--threads", "1", "--repeats", "3", "--windows", "2", "--forms", "eager", "--forms",
        "bf16", "--json", "--out", str(tmp_path),
    )  # fmt: skip
    assert code == 0 and "1 thread(s), 2 of 2 modalities" in err and "end to end" in err
    found = json.loads(out)
    for part in ("ratios", "best_against_best"):
        assert {
            "macs", "parameters_one_encoder", "latency_encoder", "latency_end_to_end", "peak_memory_one_encoder",
            "picture_over_encoder",
        } <= set(found[part])  # fmt: skip
    assert found["ratios"]["macs"] > 15 and found["ratios"]["parameters_one_encoder"] > 20
    assert found["ratios"]["form"] == {"unified": "eager", "bev_fusion": "eager"}
    assert found["ratios"]["latency_end_to_end"] > 1 and found["ratios"]["modalities"] == 2
    assert found["costs"]["unified"]["1"]["energy_uj"]["int8"]["total"] > 0
    assert json.loads((tmp_path / "costs.json").read_text())["ratios"] == found["ratios"]
    rows = (tmp_path / "times.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * 2 * 2 * 4 and rows[0].startswith(
        "threads,modalities,side,form,precision,part,clock,median_ms"
    )
    for name in ("time.png", "size.png", "energy.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert torch.get_num_threads() == before


def test_without_onnx_those_columns_are_left_out_and_it_says_why(capsys, monkeypatch):
    monkeypatch.setattr(onnx_forms, "NEEDED", ("no_such_package",))
    code, out, err = ended(
        capsys, "--modalities", "1", "--threads", "1", "--repeats", "3", "--windows", "1", "--forms", "eager", "--forms",
        "onnx_int8",
    )  # fmt: skip
    assert code == 0 and "onnx_int8: no_such_package not installed (pip install 'fedbind[bench]')" in err
    assert "left out: no_such_package" in out


def test_without_onnx_and_without_another_float32_form_nothing_can_be_compared(capsys, monkeypatch):
    monkeypatch.setattr(onnx_forms, "NEEDED", ("no_such_package",))
    code, out, err = ended(capsys, "--forms", "onnx_float32")
    assert code == 2 and "no float32 form is left" in err and "no_such_package" in err and not out


def test_a_file_in_the_place_of_the_folder_is_told_before_anything_is_measured(capsys, tmp_path):
    (tmp_path / "out").write_text("")
    code, _, err = ended(capsys, "--out", str(tmp_path / "out"))
    assert code == 2 and "this is a file" in err and "preparing" not in err


def test_one_thread_is_timed_by_its_own_clock_which_stands_still_while_it_waits(monkeypatch):
    waited = iter(range(1000))
    monkeypatch.setattr("simulation.bench.encoder.timing.CLOCKS", {"thread": lambda: 0.001 * next(waited)})
    assert clock_of(1) == "thread" and clock_of(2) == "wall"
    parts = inference(in_torch(system("unified", SETTINGS, 1), "eager", 1), 1, threads=1)()
    assert parts[:4] == pytest.approx((1.0, 1.0, 1.0, 3.0))


@pytest.mark.slow
@pytest.mark.skipif(bool(onnx_forms.lacking()), reason="needs the extra 'bench'")
def test_onnx_runtime_says_the_same():
    """Within 1e-4 in float32; in 8 bits the latents go along with those in float32."""
    built = system("unified", SETTINGS, 2)
    plain, pictures = in_torch(built, "eager", 1), picture(signals(2, seed=0))
    with onnx_forms.Exports() as exports, torch.inference_mode():
        wanted = plain.encode(pictures)
        ready = exports.ready(built, "onnx_float32", 1, threads=1)
        torch.testing.assert_close(torch.from_numpy(ready.encode(pictures)), wanted, atol=1e-4, rtol=1e-3)
        logits = torch.from_numpy(ready.classify(ready.encode(pictures)))
        torch.testing.assert_close(logits, plain.classify(wanted), atol=1e-4, rtol=1e-3)
        activations = pictures.nbytes + 2 * (96 + 192 + 192) * 256 * 4  # hidden layer twice, and what it is added to
        assert activations <= ready.peak_activation_bytes <= 1.5 * activations
        small = exports.ready(built, "onnx_int8", 1, threads=1)
        latents = small.encode(pictures)
        assert np.corrcoef(latents.ravel(), wanted.numpy().ravel())[0, 1] > 0.95
        assert np.isfinite(small.classify(latents)).all() and small.weight_bytes < 0.5 * ready.weight_bytes


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("--baseline", "resnet18-L9"), "unknown baseline"),
        (("--baseline", "resnet18"), "did you mean 'resnet18-L"),
        (("--encoder", "pach"), "did you mean 'patch'"),
        (("--forms", "eagre"), "did you mean 'eager'"),
        (("--forms", "bf16"), "no float32 form"),
        (("--threads", str(cores() + 1)), f"{cores() + 1} threads on {cores()} cores"),
        (("--threads", "0"), "0 threads"),
        (("--modalities", "7"), "modalities is 7"),
        (("--repeats", "1"), "repeats is 1"),
        (("--windows", "0"), "windows is 0"),
        (("--limit", "-1"), "limit is -1"),
    ],
)
def test_what_cannot_be_measured_is_told(capsys, wrong, told):
    code, out, err = ended(capsys, *wrong)
    assert code == 2 and told in err and not out and "Traceback" not in err


def test_settings_know_their_threads():
    assert EncoderBench().all_threads == tuple(sorted({1, cores()}))
    assert EncoderBench(threads=(1, 1)).all_threads == (1,)
    with pytest.raises(UserError):
        EncoderBench(threads=(-1,))


def test_one_encoder_takes_pictures_by_threes_at_most_and_says_what_it_would_of_all_at_once():
    made = {number: system("unified", EncoderBench(), number) for number in (1, 2, 3, 4, 5, 6)}
    assert {number: each.at_once for number, each in made.items()} == {1: 1, 2: 2, 3: 3, 4: 2, 5: 1, 6: 3}
    pictures = picture(signals(6, seed=0))
    with torch.no_grad():
        assert torch.allclose(made[6].encode(pictures), made[6].encoders[0](pictures), atol=1e-5)
    assert system("bev_fusion", EncoderBench(), 6).at_once == 1
