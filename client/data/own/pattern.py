"""Path patterns such as `{subject}/{activity}_{trial}.csv`: what a path tells of the recording in it."""

import glob
import re
from collections.abc import Mapping
from pathlib import Path

FIELD = re.compile(r"\{(\w+)\}")


def fields_in(pattern: str) -> list[str]:
    """The names in braces, each once, in order. Raises ValueError for braces that hold no name."""
    if re.search(r"[{}]", FIELD.sub("", pattern)):
        raise ValueError(f"{pattern!r} has a brace that is no part such as {{subject}}")
    return list(dict.fromkeys(FIELD.findall(pattern)))


def files_of(root: Path, pattern: str) -> list[tuple[Mapping[str, str], Path]]:
    """(part of the path -> its text, file) of every file below `root` that the pattern describes, in order of path.

    A part is any text without a slash, as long as can be where several would do (`{a}_{b}` makes x_y_1 into x_y and 1);
    a part named twice has one text. `*` stands for any text without a slash. Hidden files are passed over.
    """
    found: list[tuple[Mapping[str, str], Path]] = []
    expression = expression_of(pattern)
    for path in sorted(root.glob("*".join(glob.escape(piece) for piece in re.split(r"\{\w+\}|\*", pattern)))):
        relative = path.relative_to(root)
        match = expression.fullmatch(relative.as_posix())
        if match and path.is_file() and not any(part.startswith(".") for part in relative.parts):
            found.append((match.groupdict(), path))
    return found


def expression_of(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern, with one named group for each part."""
    pieces, seen = [], set()
    for piece in re.split(r"(\{\w+\}|\*)", pattern):
        match = FIELD.fullmatch(piece)
        if match is None:
            pieces.append("[^/]*" if piece == "*" else re.escape(piece))
        else:
            pieces.append(f"(?P={match[1]})" if match[1] in seen else f"(?P<{match[1]}>[^/]+)")
            seen.add(match[1])
    return re.compile("".join(pieces))
