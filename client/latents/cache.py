"""Latents between two messages, so that their cost is paid once.

They lie in the node's store under a name that says all they depend on, and stay there: they are as private as windows.
While a process lives it keeps the last ones unpacked as well.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import safetensors.torch
from torch import Tensor

from client.store import MemoryStore, NodeStore

MOST_RESIDENT = 1 << 30  # bytes of unpacked latents in a process whose nodes have their state on disk


@dataclass(frozen=True)
class Latents:
    """(n, step, number) of the windows as recorded, and (n, variant, step, number) of those augmented."""

    clean: Tensor
    variants: Tensor

    @property
    def size(self) -> int:
        """Bytes."""
        return self.clean.nbytes + self.variants.nbytes


_read: OrderedDict[tuple[str, str], Latents] = OrderedDict()  # by folder and name


def kept_latents(store: NodeStore, name: str, make: Callable[[], tuple[Tensor, Tensor]]) -> Latents:
    """What was made under this name, by this process or an earlier one; made now if it never was."""
    if isinstance(store, MemoryStore):
        if name not in store.unpacked:
            store.unpacked[name] = Latents(*make())
        return store.unpacked[name]
    key = (str(getattr(store, "folder", id(store))), name)
    if key in _read:
        _read.move_to_end(key)
        return _read[key]
    saved = store.get(name)
    if saved is None:
        found = Latents(*make())
        store.put(name, safetensors.torch.save({"clean": found.clean, "variants": found.variants}))
    else:
        found = Latents(**safetensors.torch.load(saved))
    _read[key] = found
    while len(_read) > 1 and sum(each.size for each in _read.values()) > MOST_RESIDENT:
        _read.popitem(last=False)
    return found


def let_go(store: NodeStore, name: str) -> None:
    """Forgets latents of which something smaller was made."""
    store.drop(name)
    if isinstance(store, MemoryStore):
        store.unpacked.pop(name, None)
    _read.pop((str(getattr(store, "folder", id(store))), name), None)


def forget_read() -> None:
    """Lets go of what this process read, as a fresh one would begin."""
    _read.clear()
