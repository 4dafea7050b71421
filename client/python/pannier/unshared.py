"""What stays in one process because other processes could not know it or read it."""

from __future__ import annotations

import os
import pickle
import threading
import warnings
from collections import OrderedDict
from typing import Any

MISSING: Any = object()

#: What serializers raise for a value that is none of theirs.
UNSERIALIZABLE = (TypeError, ValueError, OverflowError, AttributeError, RecursionError, pickle.PicklingError)

# One for all, held for a look into a dictionary; entered again where keys compare themselves by a cached call.
_lock = threading.RLock()


def _renew_lock() -> None:
    # In a forked child; another thread of the parent may have held it.
    global _lock
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_renew_lock)


class UnsharedWarning(UserWarning):
    """Something is cached in this process alone although it was to be shared. Told once for each cache.

    `warnings.simplefilter("error", pannier.UnsharedWarning)` makes it an error.
    """


def warn_unshared(what: str, function: Any, reason: object) -> None:
    """Warns at the place where `function` is defined that `what` of it stays in this process."""
    module = getattr(function, "__module__", None) or "pannier"
    name = f"{module}.{getattr(function, '__qualname__', repr(function))}"
    code = getattr(function, "__code__", None)
    file, line = (code.co_filename, code.co_firstlineno) if code is not None else (module, 1)
    text = f"{what} of {name} are cached in this process alone: {reason}"
    warnings.warn_explicit(text, UnsharedWarning, file, line, module)


class UnsharedCache:
    """Values by hashable keys; the least recently used goes first. `maxsize` None: unbounded. Thread-safe and safe
    after fork: the child goes on with a copy.
    """

    def __init__(self, maxsize: int | None) -> None:
        self._maxsize = maxsize
        self._values: OrderedDict[Any, Any] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: Any) -> bool:
        return key in self._values

    def get(self, key: Any) -> Any:
        """The value, which is used by that, or MISSING."""
        with _lock:
            value = self._values.get(key, MISSING)
            if value is MISSING:
                self.misses += 1
            else:
                self.hits += 1
                self._values.move_to_end(key)
            return value

    def put(self, key: Any, value: Any) -> None:
        with _lock:
            self._values[key] = value
            self._values.move_to_end(key)
            if self._maxsize is not None and len(self._values) > self._maxsize:
                self._values.popitem(last=False)

    def clear(self) -> None:
        with _lock:
            self._values.clear()
            self.hits = self.misses = 0
