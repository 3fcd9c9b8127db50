"""WESAD's own account of stress: the short State-Trait Anxiety Inventory that each person filled in after each condition.

SX_quest.csv, semicolons between fields: a line `# ORDER` names the conditions in the order in which the person went
through them (and the readings before and after), and one line `# STAI` for each condition holds six answers of 1 to 4.
Items 1, 4 and 6 speak of ease and count the other way round; the score runs from 6 to 24.
"""

from collections.abc import Sequence
from pathlib import Path

from client.data.corrupt import CorruptPolicy

CODES = {"Base": 1, "TSST": 2, "Fun": 3, "Medi 1": 4, "Medi 2": 4}  # as in the pickled labels
ITEMS, LEAST, MOST = 6, 1, 4
REVERSED = (0, 3, 5)
EXPECTED = "a line # ORDER and, for each condition in it, a line # STAI of six answers from 1 to 4"

Score = tuple[int, int]  # label code of a condition, the person's score after it


def score_of(answers: Sequence[int]) -> int:
    """The sum of six answers, those of items 1, 4 and 6 turned round."""
    return sum(LEAST + MOST - answer if item in REVERSED else answer for item, answer in enumerate(answers))


def scores_in(path: Path, policy: CorruptPolicy) -> list[Score] | None:
    """Of each condition in its order its label code and the score; None, and counted, where the file does not say."""
    try:
        rows = [line.split(";") for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        policy.refuse(path, f"the questionnaire cannot be read ({type(error).__name__})", expected=EXPECTED)
        return None
    order = [
        CODES[name.strip()] for row in rows if row[0].strip() == "# ORDER" for name in row if name.strip() in CODES
    ]
    told = [[field.strip() for field in row[1 : 1 + ITEMS]] for row in rows if row[0].strip() == "# STAI"]
    known = {str(answer) for answer in range(LEAST, MOST + 1)}
    if not order or len(told) != len(order) or any(len(row) != ITEMS or set(row) - known for row in told):
        policy.refuse(path, f"{len(order)} conditions and {len(told)} rows of answers do not fit", expected=EXPECTED)
        return None
    return [(code, score_of([int(answer) for answer in row])) for code, row in zip(order, told, strict=True)]


def score_of_each(codes: Sequence[int], scores: Sequence[Score]) -> list[int] | None:
    """The score after the condition that each stretch belongs to; None where stretches and conditions do not fit.

    codes  of the stretches in time order, conditions alone. A condition may fall into several stretches, or be missing;
           the order is kept
    """
    found, place = [], 0
    for code in codes:
        while place < len(scores) and scores[place][0] != code:
            place += 1
        if place == len(scores):
            return None
        found.append(scores[place][1])
    return found
