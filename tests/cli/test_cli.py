"""How the command ends: 0, or 2 with one clear message and no traceback; and what it prints."""

import errno
import inspect
import sys
import typing

import pytest
import typer
import yaml

import cli.app
from cli.app import call
from configs.errors import UserError
from configs.load import check, load


def ended(capsys, *arguments):
    code = call(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def _commands(app, *named):
    for each in app.registered_commands:
        yield (*named, each.name), each
    for group in app.registered_groups:
        yield from _commands(group.typer_instance, *named, group.name)


@pytest.mark.parametrize(("named", "command"), tuple(_commands(cli.app.app)), ids=lambda each: str(each)[:30])
def test_help_says_what_the_text_says_brackets_and_arguments_too(capsys, monkeypatch, named, command):
    monkeypatch.setenv("COLUMNS", "300")
    code, out, _ = ended(capsys, *named, "--help")
    shown = " ".join(out.replace("│", " ").split())
    assert code == 0
    text = inspect.unwrap(command.callback).__globals__.get("HELP", "")
    for line in text.splitlines():
        assert " ".join(line.split()) in shown
    for told in typing.get_type_hints(command.callback, include_extras=True).values():
        for each in getattr(told, "__metadata__", ()):
            if isinstance(each, typer.models.ArgumentInfo):
                assert " ".join(each.help.split()) in shown


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("run",),
        ("choose",),
        ("retrieve",),
        ("pretrain",),
        ("validate",),
        ("doctor",),
        ("bench",),
        ("bench", "aggregate"),
        ("data",),
        ("data", "list"),
        ("data", "check"),
        ("bench",),
        ("bench", "encoder"),
        ("bench", "match"),
        ("bench", "rounds"),
        ("bench", "tune"),
    ],
)
def test_help_is_there_for_every_command(capsys, command):
    code, out, err = ended(capsys, *command, "--help")
    assert code == 0 and "Usage" in out and not err


def test_no_command_at_all_shows_the_help(capsys):
    code, out, err = ended(capsys)
    assert code == 2 and "validate" in out + err


def test_validate_prints_the_resolved_experiment(capsys):
    code, out, err = ended(capsys, "validate", "demo", "rounds.contrast=3")
    assert code == 0 and not err
    assert check(yaml.safe_load(out)) == load("demo", ["rounds.contrast=3"])


def test_data_check_writes_the_page_beside_the_text(capsys, tmp_path):
    page = tmp_path / "page.html"
    code, out, err = ended(capsys, "data", "check", "wearable_sim", "--option", "subjects=1", "--page", str(page))
    assert code == 0 and not err and "30 recordings of 1 subjects" in out and str(page) in out
    assert page.read_text().startswith("<!doctype html>") and "<svg" in page.read_text()
    assert not ended(capsys, "data", "check", "wearable_sim", "--option", "subjects=1")[1].count("written")


def test_own_recordings_are_validated_by_their_folder_where_one_is_named(capsys, tmp_path):
    settings = ["validate", "motionsense", "data.name=folder"]
    assert ended(capsys, *settings)[0] == 0  # every node may have its own
    assert "no such folder" in one_message(ended(capsys, *settings, f"data.root={tmp_path}/none")[2])
    (tmp_path / "dataset.yaml").write_text(
        'title: mine\nfiles: "{subject}_{did}.csv"\nrate_hz: 9\nlabel: did\n'
        "modalities: {gravity: {kind: inertial, columns: [x]}}\n"
    )
    (tmp_path / "1_walk.csv").write_text("x\n1\n")
    assert "unknown modality 'gyroscope'" in one_message(ended(capsys, *settings, f"data.root={tmp_path}")[2])


def test_every_data_set_of_an_experiment_is_validated(capsys, tmp_path):
    code, out, err = ended(capsys, "validate", "motionsense_own")
    assert code == 0 and not err
    assert check(yaml.safe_load(out)) == load("motionsense_own") and "further_data:" in out
    none = f"further_data.mine.root={tmp_path}/none"
    assert "no such folder" in one_message(ended(capsys, "validate", "motionsense_own", none)[2])
    (tmp_path / "dataset.yaml").write_text(
        'title: mine\nfiles: "{subject}_{did}.csv"\nrate_hz: 9\nlabel: did\nmodalities:\n'
        "  pull: {kind: inertial, columns: [x]}\n  turning: {kind: inertial, columns: [x]}\n"
        "  motion: {kind: inertial, columns: [x]}\n"
    )
    (tmp_path / "1_walk.csv").write_text("x\n1\n")
    told = one_message(ended(capsys, "validate", "motionsense_own", f"further_data.mine.root={tmp_path}")[2])
    assert "gravity is inertial with 1 channel in further_data.mine (mine)" in told and "data (MotionSense)" in told


def one_message(err):
    assert err.startswith("error: ") and "Traceback" not in err and err.count("error: ") == 1
    return err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["validate", "demo", "round.contrast=3"], "round: unknown key; did you mean rounds?"),
        (["validate", "demo", "rounds.contrast=-3", "bind.by=smell"], "rounds.contrast: -3"),
        (["validate", "demoo"], "did you mean demo?"),
        (["validate", "demo", "data.name=wearable_sin"], "did you mean 'wearable_sim'?"),
        (["validate", "demo", "nonsense"], "key.path=value"),
        (["run", "demo", "split.test=[1]"], "subject 1 is already in split.a"),
        (["run", "nowhere/to/be/found.yaml"], "no such configuration file"),
        (["run"], "which experiment?"),
        (["choose", "utd_mhad_label"], "auto finds no modality that two groups share"),
        (["choose", "utd_mhad_acc", "data.root=/no/such/folder"], "/no/such/folder"),
        (["run", "--resume", "no/such/folder"], "no/such/folder"),
        (["run", "--resume", "runs/x", "--out", "runs/y"], "leave --out out"),
        (["run", "demo", "--out", ""], "an empty word at --out"),
        (["run", "--resume="], "an empty word at --resume="),
        (["run", "utd_mhad_methods"], "utd_mhad_methods is a study: `fedbind study utd_mhad_methods`"),
        (["study", "demo"], "demo is an experiment: `fedbind run demo`"),
        (["study", "utd_mhad_method"], "did you mean utd_mhad_methods?"),
        (["validate", "demo", "strategy.trace=nosuch.csv"], "nosuch.csv"),
        (["run", "demo", "strategy.trace=nosuch.csv"], "the trace cannot be read: No such file or directory"),
        (["bench", "tune", "a", "b"], "no run lies here"),
        (["bench", "all", "--only", "nosuch"], "unknown bench 'nosuch'"),
        (["bench", "all", "--pfl", "no/such"], "--pfl no/such"),
        (["bench", "all", "--utd-mhad", "no/such"], "--utd-mhad no/such"),
        (["pretrain", "--sensors", "demo", "--rate-hz", "0"], "--rate-hz"),
        (["run", "demo", "--resume", "runs/x"], "--resume takes the configuration of the run folder"),
        (["run", "utd_mhad_acc", "data.root=/no/such/folder"], "/no/such/folder"),
        (["data", "check", "utd_mhad", "/no/such/folder"], "/no/such/folder"),
        (["data", "check", "utd_mha", "/tmp"], "did you mean 'utd_mhad'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_of_the_user_ends_with_2_and_one_message(capsys, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    code, out, err = ended(capsys, *arguments)
    assert code == 2 and said in one_message(err) and "Traceback" not in out
    assert not list(tmp_path.iterdir())  # nothing was begun


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_a_study_of_which_no_cell_can_run_says_why_once_and_begins_nothing(capsys, tmp_path, monkeypatch, engine):
    monkeypatch.chdir(tmp_path)
    code, _, err = ended(capsys, "study", "utd_mhad_pairing", "data.root=/no/such/folder", "--engine", engine)
    assert code == 2 and err.count("/no/such/folder") == 1 and err.count("error: ") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ["runn"],
        ["run", "demo", "--engine", "warp"],
        ["validate"],
        ["run", "--no-such"],
        ["pretrain", "--latent", "99999999"],
        ["compare", "demo", "--target", "nan"],
        ["bench", "match", "--recall", "nan"],
        ["tune", "runs/x", "--seconds", "inf"],
    ],
)
def test_what_the_command_line_cannot_read_ends_with_2(capsys, arguments):
    code, out, err = ended(capsys, *arguments)
    assert code == 2 and err and "Traceback" not in out + err


def test_an_empty_folder_is_told_with_how_the_files_must_lie(capsys, tmp_path):
    code, _, err = ended(capsys, "run", "utd_mhad_acc", f"data.root={tmp_path}", "--out", str(tmp_path / "out"))
    assert code == 2 and "Inertial" in one_message(err) and not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", [0, 1, 3])
def test_debug_shows_the_traceback_wherever_it_stands_and_the_next_call_does_not(capsys, place):
    arguments = ["validate", "demo", "round.contrast=3"]
    arguments.insert(place, "--debug")
    code, _, err = ended(capsys, *arguments)
    assert code == 2 and "Traceback (most recent call last)" in err and "unknown key" in err
    assert "Traceback" not in ended(capsys, "validate", "demo", "round.contrast=3")[2]


@pytest.fixture
def failing(monkeypatch):
    """A command that ends as it is told to."""

    def with_(error):
        app = typer.Typer()

        @app.callback()
        def common(debug: bool = False):
            cli.app._state["debug"] = debug

        @app.command()
        def work():
            raise error

        monkeypatch.setattr(cli.app, "app", app)

    return with_


def test_the_user_s_mistake_a_stop_by_hand_and_a_fault_of_ours_are_told_apart(capsys, failing):
    failing(UserError("a mistake", where="here"))
    assert ended(capsys, "work")[0] == 2
    failing(KeyboardInterrupt())
    code, _, err = ended(capsys, "work")
    assert code == 130 and "stopped by hand" in err and "--resume" in err and "Traceback" not in err
    failing(RuntimeError("a bug"))
    code, _, err = ended(capsys, "work")
    assert code == 1 and "RuntimeError: a bug" in err and "--debug" in err and "Traceback" not in err
    assert "Traceback" in ended(capsys, "--debug", "work")[2]


@pytest.mark.parametrize("code", [0, 2, 3])
def test_a_command_s_own_exit_code_comes_through(capsys, failing, code):
    """As `fedbind doctor` and `fedbind data check` leave where something is missing."""
    failing(typer.Exit(code))
    assert ended(capsys, "work")[0] == code


def test_the_entry_point_leaves_with_the_code(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["fedbind", "validate", "demoo"])
    with pytest.raises(SystemExit) as left:
        cli.app.main()
    assert left.value.code == 2


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/runs/x"), ["No space left", "/runs/x", "--resume"]),
        (
            PermissionError(errno.EACCES, "Permission denied", "/runs/x"),
            ["Permission denied", "/runs/x", "name another"],
        ),
        (OSError(errno.EROFS, "Read-only file system"), ["Read-only", "this machine", "name another"]),
    ],
)
def test_what_the_machine_refuses_is_told_with_what_to_do(capsys, monkeypatch, fault, told):
    def refuse(*_):
        raise fault

    monkeypatch.setattr("configs.load.load", refuse)
    code, _, err = ended(capsys, "validate", "demo")
    assert code == 2 and all(each in one_message(err) for each in told)


def test_an_error_of_the_system_that_is_nobody_s_mistake_is_fedbind_s_own(capsys, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr("configs.load.load", refuse)
    code, _, err = ended(capsys, "validate", "demo")
    assert code == 1 and "fedbind's own" in err


def test_a_folder_below_a_file_is_the_user_s_to_mend(capsys, tmp_path):
    (tmp_path / "file").write_text("x")
    code, _, err = ended(capsys, "data", "check", "wearable_sim", "--option", "subjects=1",
                         "--page", str(tmp_path / "file" / "page.html"))  # fmt: skip
    assert code == 2 and "to do" in one_message(err)


@pytest.mark.parametrize("files", [["strategy.trace=/nowhere.csv"], ["strategy.name=nowhere:Rule"],
                                   ["models={encoder: unified, unified: {weights: /nowhere}}"]])  # fmt: skip
def test_validate_reads_what_is_named_beside_the_recordings(capsys, files):
    code, _, err = ended(capsys, "validate", "demo", *files)
    assert code == 2 and "nowhere" in one_message(err)
