"""The one error that a user's mistake raises, told so that the user can mend it."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake in what the user gave: a file, a folder, a name, a value.

    `what` went wrong, `where` it lies (a path or a key), what was `expected` there, and what `todo` about it.
    As text it is one message of up to four lines; the command line prints it and leaves with code 2.
    """

    def __init__(self, what: str, where: str = "", expected: str = "", todo: str = "") -> None:
        super().__init__(what, where, expected, todo)  # all four, so that the error survives pickling between processes
        self.what, self.where, self.expected, self.todo = what, where, expected, todo

    def __str__(self) -> str:
        lines = [self.what]
        for title, text in (("where", self.where), ("expected", self.expected), ("to do", self.todo)):
            if text:
                lines.append(f"  {title}: {text}")
        return "\n".join(lines)


def unknown_name(kind: str, name: object, known: Iterable[object], where: str = "") -> UserError:
    """The error for a name that is not among the known ones; suggests the nearest, and lists them all."""
    names = [str(each) for each in known]
    nearest = get_close_matches(str(name).lower(), [each.lower() for each in names], n=1, cutoff=0.5)
    suggestion = next((each for each in names if nearest and each.lower() == nearest[0]), "")
    return UserError(
        what=f"unknown {kind} '{name}'",
        where=where,
        expected="one of " + ", ".join(names) if names else f"no {kind} at all",
        todo=f"did you mean '{suggestion}'?" if suggestion else "",
    )
