"""`fedbind`: the command and how it ends."""

from __future__ import annotations

import errno
import sys
import traceback
from typing import Annotated

import click
import typer

from cli import bench, choose, compare, data, doctor, pretrain, retrieve, run, study, tune, validate
from cli.commands import add_commands
from configs.errors import UserError

USER_ERROR, INTERRUPTED, FAILED = 2, 130, 1
_ELSEWHERE = "name another, or change who may read and write it"
_ENVIRONMENT = {  # what the machine refuses, and what to do about it
    errno.ENOSPC: "make room on the disk, then go on where it stopped (`fedbind run --resume FOLDER`)",
    errno.EDQUOT: "make room within your quota, then go on where it stopped (`fedbind run --resume FOLDER`)",
    errno.EROFS: _ELSEWHERE,
    errno.EACCES: _ELSEWHERE,
    errno.EPERM: _ELSEWHERE,
    errno.ENOTDIR: "a part of this path is a file: name another folder",
    errno.EISDIR: "this is a folder: name a file",
    errno.EEXIST: "something else lies there: name another folder",
    errno.ENAMETOOLONG: "give a shorter name",
}

app = typer.Typer(
    name="fedbind",
    help="One multimodal model over sensor nodes that do not hold the same sensors, without moving their recordings.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
add_commands(
    app,
    {
        "run": (run.run, run.HELP),
        "choose": (choose.choose, choose.HELP),
        "compare": (compare.compare, compare.HELP),
        "study": (study.study, study.HELP),
        "retrieve": (retrieve.retrieve, retrieve.HELP),
        "tune": (tune.tune, tune.HELP),
        "pretrain": (pretrain.pretrain, pretrain.HELP),
        "validate": (validate.validate, validate.HELP),
        "doctor": (doctor.doctor, doctor.HELP),
    },
)
app.add_typer(data.app, name="data")
app.add_typer(bench.app, name="bench")


@app.callback()
def _common(debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False) -> None:
    _state["debug"] = debug


_state = {"debug": False}


def main() -> None:
    """Entry point: 0 done, 2 the user's mistake, 130 stopped by hand, 1 anything else."""
    sys.exit(call(sys.argv[1:]))


def call(arguments: list[str]) -> int:
    """Runs one command line; returns the exit code. `--debug` may stand anywhere."""
    if "--debug" in arguments:
        arguments = ["--debug", *(each for each in arguments if each != "--debug")]
    try:
        _none_empty(arguments)
        code = app(arguments, standalone_mode=False)
    except UserError as error:
        _tell(f"error: {error}")
        return USER_ERROR
    except click.ClickException as error:
        error.show(sys.stderr)
        return USER_ERROR
    except (KeyboardInterrupt, click.exceptions.Abort):
        code = INTERRUPTED
    except OSError as error:
        if error.errno not in _ENVIRONMENT:
            return _own_fault(error)
        _tell(
            f"error: {error.strerror}\n  where: {error.filename or 'this machine'}\n  to do: {_ENVIRONMENT[error.errno]}"
        )
        return USER_ERROR
    except Exception as error:
        return _own_fault(error)
    if code == INTERRUPTED:  # typer, too, turns a KeyboardInterrupt into this
        _tell(
            "stopped by hand; the run folder says how far it came, and `fedbind run --resume FOLDER` goes on from there"
        )
    return code or 0  # what a command left with by typer.Exit comes back as a number


def _none_empty(arguments: list[str]) -> None:
    """Raises UserError for an empty word, such as that of a shell's variable that is not set: as a path it would mean here."""
    for place, word in enumerate(arguments):
        if not word or (word.startswith("--") and word.find("=") == len(word) - 1):
            before = arguments[place - 1] if place else ""
            near = word or ("" if before == "--debug" else before)
            raise UserError(f"an empty word{f' at {near}' if near else ''}", expected="a value",
                            todo="is a variable of the shell not set?")  # fmt: skip


def _own_fault(error: Exception) -> int:
    _tell(f"error: {type(error).__name__}: {error}\n  to do: run again with --debug; this is a fault of fedbind's own")
    return FAILED


def _tell(text: str) -> None:
    if _state["debug"] and sys.exc_info()[0] is not None:
        traceback.print_exc()
    print(text, file=sys.stderr)


if __name__ == "__main__":
    main()
