"""What a label says, as the text that the sentence encoder reads. It is encoded on the node and never leaves it."""

from __future__ import annotations

import unicodedata

from configs.schema import ContextSettings

LONGEST = 1000  # characters; sentence encoders read 128 or 256 word pieces, so what comes later has no say anyway


def as_read(text: str) -> str:
    """The text with compatible characters made one (NFKC), runs of white space as one blank, and only its beginning.

    Two texts that are alike after this are the same text to the encoder: so are two that differ past `LONGEST` alone.
    """
    return " ".join(unicodedata.normalize("NFKC", text).split())[:LONGEST].rstrip()


def in_context(name: str, context: ContextSettings) -> str:
    """ "class; subjects; device; placement; environment", without what is empty.

    A class without a text has none in any context: circumstances alone must not bind. A semicolon within a part becomes
    a comma, so that the parts stay apart.
    """
    parts = [name, context.subjects, context.device, context.placement, context.environment]
    kept = [each for each in (as_read(part).replace(";", ",") for part in parts) if each]
    return "; ".join(kept) if as_read(name) else ""
