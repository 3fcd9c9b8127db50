"""Bytes that are alive at once, and bytes that operators read and write, seen as they happen."""

from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Watched(TorchDispatchMode):
    """While active, follows every storage that an operator makes until nothing holds it any more.

    peak_bytes   of storages made here and alive together; what an operator takes for itself while it runs is not seen
    moved_bytes  that operators read and wrote, each tensor once per operator; weights (`constant`) and views apart
    """

    def __init__(self, constant: tuple[Tensor, ...] = ()):
        super().__init__()
        self.peak_bytes = self.moved_bytes = 0
        self._constant = {each.untyped_storage().data_ptr() for each in constant}
        self._alive: dict[int, tuple[Any, int]] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self._alive = {at: held for at, held in self._alive.items() if not held[0].expired()}
        found = func(*args, **(kwargs or {}))
        given = {each.untyped_storage().data_ptr() for each in _tensors((args, kwargs))}
        for each in _tensors(found):
            storage = each.untyped_storage()
            if storage.data_ptr() not in given:  # else a view, or written in place
                self._alive[storage.data_ptr()] = (StorageWeakRef(storage), storage.nbytes())
        self.peak_bytes = max(self.peak_bytes, sum(size for _, size in self._alive.values()))
        if not func.is_view:
            self.moved_bytes += sum(
                each.numel() * each.element_size()
                for each in _tensors((args, kwargs, found))
                if each.untyped_storage().data_ptr() not in self._constant
            )
        return found


def _tensors(tree: Any) -> list[Tensor]:
    return [each for each in tree_leaves(tree) if isinstance(each, Tensor)]


def watched(run: Any, *given: Tensor, constant: tuple[Tensor, ...] = ()) -> Watched:
    """Runs it once, without gradients, and returns what was seen."""
    with torch.no_grad(), Watched(constant) as seen:
        run(*given)
    return seen
