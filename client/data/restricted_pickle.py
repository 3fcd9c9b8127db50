"""Reads a pickle from strangers as nothing but numbers, text, lists, dictionaries and plain numpy arrays.

A pickle is a program. This reader lets it call a few things only, all of them written here: the names under which
numpy's arrays, dtypes and scalars are pickled are answered by stand-ins that check size and kind, and build arrays
with np.frombuffer. numpy's own unpickling code (which trusts flags in the file) never runs. Any other global is refused
by name before it is looked up, so nothing is imported.
"""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


class RefusedPickle(pickle.UnpicklingError):
    """The pickle asks for something that plain data has no need of; the message names it."""


class _Dtype:
    """Stands in for numpy.dtype: plain kinds only, and of its pickled state the byte order alone."""

    __slots__ = ("dtype",)

    def __init__(self, code: Any, align: Any = False, copy: Any = False) -> None:
        try:
            self.dtype = np.dtype(_text(code)) if isinstance(code, str | bytes) else np.dtype("V1")
        except TypeError as error:
            raise RefusedPickle(f"numpy dtype {code!r:.80}") from error
        if self.dtype.kind not in "biufcSU":
            raise RefusedPickle(f"numpy dtype {code!r:.80}")

    def __setstate__(self, state: Any) -> None:
        order = _text(state[1]) if isinstance(state, tuple) and len(state) > 1 else ""
        if order not in ("<", ">", "|", "="):
            raise RefusedPickle("a malformed numpy dtype")
        if self.dtype.kind in "SU" and len(state) > 5 and isinstance(state[5], int) and state[5] > 0:
            unit = 4 if self.dtype.kind == "U" else 1
            self.dtype = np.dtype(f"{self.dtype.kind}{state[5] // unit}")
        self.dtype = self.dtype.newbyteorder("<" if order == "<" else ">" if order == ">" else "=")


class _Array(np.ndarray):
    """An array that is filled through its own checked __setstate__, not numpy's."""

    def __setstate__(self, state: Any) -> None:
        try:
            _, shape, dtype, fortran, raw = state
            filled = _array_of(raw, dtype, shape, "F" if fortran else "C")
        except (TypeError, ValueError) as error:
            raise RefusedPickle(f"a malformed numpy array ({error})") from error
        plain: Any = (1, filled.shape, filled.dtype, bool(fortran), filled.tobytes("A"))
        super().__setstate__(plain)


class _Call:
    """A function a pickle may call, closed against BUILD, which would otherwise set its attributes."""

    __slots__ = ("_function",)
    _function: Callable[..., Any]

    def __init__(self, function: Callable[..., Any]) -> None:
        object.__setattr__(self, "_function", function)

    def __call__(self, *arguments: Any) -> Any:
        try:
            return self._function(*arguments)
        except (TypeError, ValueError, AttributeError, UnicodeError) as error:
            raise RefusedPickle(f"a malformed numpy value ({error})") from error

    def __setattr__(self, name: str, value: Any) -> None:
        raise RefusedPickle(f"setting {name} of a function")

    def __setstate__(self, state: Any) -> None:
        raise RefusedPickle("setting the state of a function")


def _text(value: Any) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else str(value)


def _array_of(raw: Any, dtype: Any, shape: Any, order: str) -> np.ndarray:
    if not isinstance(dtype, _Dtype) or not isinstance(raw, bytes | bytearray | str):
        raise RefusedPickle("a numpy array of objects")
    content = raw.encode("latin1") if isinstance(raw, str) else raw  # Python 2 wrote bytes as str
    return np.frombuffer(content, dtype=dtype.dtype).reshape(shape, order="F" if order == "F" else "C")


def _reconstruct(kind: Any, shape: Any, code: Any) -> _Array:
    return _Array((0,), dtype=np.uint8)  # what it holds comes with its state


def _scalar(dtype: Any, raw: Any) -> Any:
    return _array_of(raw, dtype, (), "C")[()]


def _encode(text: str, encoding: str = "latin1") -> bytes:
    if encoding != "latin1":
        raise RefusedPickle(f"encoding {encoding!r:.40}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    return b""


def _ndarray(*arguments: Any) -> Any:
    raise RefusedPickle("numpy.ndarray called by itself")


_STAND_INS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _ndarray,
    ("_codecs", "encode"): _encode,  # how protocol 2 writes bytes
    ("__builtin__", "bytes"): _no_bytes,  # and empty ones
    ("builtins", "bytes"): _no_bytes,
}
for _core in ("numpy.core", "numpy._core"):  # before and since numpy 2
    _STAND_INS[f"{_core}.multiarray", "_reconstruct"] = _reconstruct
    _STAND_INS[f"{_core}.multiarray", "scalar"] = _scalar
    _STAND_INS[f"{_core}.numeric", "_frombuffer"] = _array_of


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STAND_INS:
            raise RefusedPickle(f"the global {module}.{name}")
        return _Call(_STAND_INS[module, name])

    def persistent_load(self, pid: Any) -> Any:
        raise RefusedPickle("a persistent reference")


def read_plain_pickle(path: Path) -> Any:
    """The content of a pickle of plain data, also one that Python 2 wrote (text and array bytes as latin1).

    Raises RefusedPickle, which names what was refused, and pickle.UnpicklingError for a file that is no pickle.
    """
    with path.open("rb") as file:
        try:
            return _Reader(file, encoding="latin1").load()
        except (pickle.UnpicklingError, OSError):
            raise
        except Exception as error:  # broken bytes make the reader raise whatever they lead it to
            raise pickle.UnpicklingError(f"{type(error).__name__}: {error}") from error
