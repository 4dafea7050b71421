"""Shelves: `shelve.Shelf` over the durable tier, for all processes of the host.

    with pannier.DurableCache("box") as box:        # found by its name; a path is one too
        box["numbers"] = [1, 2]
        box["numbers"].append(3)                    # noticed by sync() and close()

A shelf is a cache of tier `durable`. What is put is at once there for every process, and on disk soon after, at the
latest when `sync` or `close` returns. Neither reads nor writes wait for the disk; only where more waits for it than the
daemon allows, writes do. A key is a str of 1 to 65,535 bytes.

With write-back, a shelf keeps every value that was read or put until `sync` or `close`, as shelve does, and then writes
those that differ from what they were: what this process has not changed does not overwrite what others have. Of two
that change the same value, the one that syncs last wins. Changes of others to a value that is kept are seen after
`sync`.

Values are what the serializer takes: MessagePack with Pannier's own types, unless another one is named, or a
`protocol`, which asks for pickle in that version. Only unpickle what you trust. A value that the serializer does not
take raises its error (TypeError) when it is put, or at `sync`, which has written nothing then.

Errors of the client are raised, `pannier.TransportError` while the daemon is away. A shelf that is not closed is when
it is deleted, as shelve does it, and synced when the interpreter exits, which need not delete it; but neither in a
forked child, which leaves it to its parent.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shelve
import weakref
from typing import Any, Dict, Optional, Union

from pannier.names import path_name
from pannier.serializers import SerializerLike, codec
from pannier.shelf_entries import ShelfEntries
from pannier.unshared import MISSING

__all__ = ["DurableCache", "Shelf", "open"]

Filename = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]

DIGEST_BYTES = 16


class _Pickle:
    def __init__(self, protocol: int) -> None:
        self._protocol = protocol

    def dumps(self, value: Any) -> bytes:
        return pickle.dumps(value, self._protocol)

    def loads(self, data: bytes) -> Any:
        return pickle.loads(data)


class Shelf(shelve.Shelf[Any]):
    """`shelve.Shelf` with Pannier's serializers, and a write-back that knows what was changed.

    `dict` maps keys in `keyencoding` to packed values, both bytes; its `sync` and `close` are called if it has them.
    One thread at a time; without write-back, as many as `dict` allows.
    """

    dict: Any
    keyencoding: str
    writeback: bool
    #: Values that were read or put since the last sync, with write-back.
    cache: Dict[str, Any]
    # Of each of them, as it was when it came there.
    _digests: Dict[str, bytes]

    def __init__(
        self,
        dict: Any,
        protocol: Optional[int] = None,
        writeback: bool = False,
        keyencoding: str = "utf-8",
        *,
        serializer: Optional[SerializerLike] = None,
    ) -> None:
        if serializer is None:
            serializer = "msgpack" if protocol is None else _Pickle(protocol)
        self._codec = codec(serializer)
        self._digests = {}
        self._owner_pid = os.getpid()
        super().__init__(dict, protocol, writeback, keyencoding)

    def __getitem__(self, key: str) -> Any:
        if key in self.cache:
            return self.cache[key]
        value = self._codec.unpack(self.dict[self._encoded(key)])
        # Not of what was stored: another program may have packed the same value in another way.
        self._remember(key, value)
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        packed = self._codec.pack(value)
        self.dict[self._encoded(key)] = packed
        self._remember(key, value, packed)

    def __delitem__(self, key: str) -> None:
        del self.dict[self._encoded(key)]
        self._forget(key)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._encoded(key) in self.dict

    def get(self, key: str, default: Any = None) -> Any:
        """The value or `default`, by one request."""
        try:
            return self[key]
        except KeyError:
            return default

    def sync(self) -> None:
        """Writes the kept values that were changed, keeps none, and returns when everything is on disk."""
        packed = {key: self._codec.pack(value) for key, value in self.cache.items()}
        changed = {key: value for key, value in packed.items() if _digest(value) != self._digests[key]}
        if changed:
            self.dict.update({self._encoded(key): value for key, value in changed.items()})
        self.cache = {}
        self._digests = {}
        if hasattr(self.dict, "sync"):
            self.dict.sync()

    def close(self) -> None:
        """Syncs, if it is open, and ends it: what could not be written is kept no longer."""
        try:
            super().close()
        finally:
            self.cache = {}
            self._digests = {}

    def __del__(self) -> None:
        if getattr(self, "_owner_pid", None) == os.getpid():
            super().__del__()  # type: ignore[misc]

    def _encoded(self, key: str) -> bytes:
        return key.encode(self.keyencoding)

    def _remember(self, key: str, value: Any, packed: Optional[bytes] = None) -> None:
        if self.writeback:
            self.cache[key] = value
            self._digests[key] = _digest(self._codec.pack(value) if packed is None else packed)

    def _forget(self, key: str) -> Any:
        self._digests.pop(key, None)
        return self.cache.pop(key, MISSING)


class DurableCache(Shelf):
    """The shelf of that `name`, or of that path, absolute or with a slash: there need not be anything at it.

    With `writeback`, values that are changed in place are written at `sync` and `close`. Values are MessagePack, or what
    `serializer` makes of them (see `pannier.serializers`); a pickle `protocol` asks for pickle. Keys are encoded by
    `keyencoding`. `help(pannier.shelf)` has the rest.

    `flag` as in dbm: "c" makes the shelf if there is none, "r" (for reading) and "w" raise FileNotFoundError then, "n"
    makes it empty. Raises `Conflict` if the name is that of a cache in memory. What is not synced when the process is
    killed is lost as far as it was changed in place; what was put is not. `pop`, `popitem` and `setdefault` are one
    step for all processes.
    """

    def __init__(
        self,
        name: Filename,
        flag: str = "c",
        protocol: Optional[int] = None,
        writeback: bool = True,
        keyencoding: str = "utf-8",
        *,
        serializer: Optional[SerializerLike] = None,
    ) -> None:
        entries = ShelfEntries(_cache_name(name), flag)
        super().__init__(entries, protocol, writeback, keyencoding, serializer=serializer)
        if writeback:
            weakref.finalize(self, _sync_at_exit, weakref.ref(self))

    def pop(self, key: str, default: Any = MISSING) -> Any:
        packed = self._entries().take(self._encoded(key))
        kept = self._forget(key)
        if packed is not None:
            return self._codec.unpack(packed) if kept is MISSING else kept
        if default is MISSING:
            raise KeyError(key)
        return default

    def popitem(self) -> tuple[str, Any]:
        for key in self:
            value = self.pop(key, MISSING)
            if value is not MISSING:
                return key, value
        raise KeyError("the shelf is empty")

    def setdefault(self, key: str, default: Any = None) -> Any:
        packed = self._codec.pack(default)
        while (value := self.get(key, MISSING)) is MISSING:
            if self._entries().add(self._encoded(key), packed):
                self._remember(key, default, packed)
                return default
        return value

    def clear(self) -> None:
        self._entries().clear()
        self.cache.clear()
        self._digests.clear()

    def _entries(self) -> ShelfEntries:
        if not isinstance(self.dict, ShelfEntries):
            raise ValueError("invalid operation on closed shelf")
        return self.dict


def open(
    filename: Filename,
    flag: str = "c",
    protocol: Optional[int] = None,
    writeback: bool = False,
    *,
    serializer: Optional[SerializerLike] = None,
) -> DurableCache:
    """As `shelve.open`: the DurableCache of that name, or path."""
    return DurableCache(filename, flag, protocol, writeback, serializer=serializer)


def _cache_name(name: Filename) -> str:
    """A str without a slash is a name, everything else a path."""
    return name if isinstance(name, str) and os.sep not in name else path_name(name)


def _sync_at_exit(shelf: weakref.ref[DurableCache]) -> None:
    # One that is deleted before is gone by now, and closed.
    there = shelf()
    if there is not None and there.cache and there._owner_pid == os.getpid():
        there.sync()


def _digest(packed: bytes) -> bytes:
    return hashlib.blake2b(packed, digest_size=DIGEST_BYTES).digest()
