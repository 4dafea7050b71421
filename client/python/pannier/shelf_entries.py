"""The entries of a shelf in the daemon, as bytes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from io import UnsupportedOperation
from typing import Any, Optional, TypeVar

from pannier.cache import Cache
from pannier.config import default_client
from pannier.errors import Overloaded, UnknownCache
from pannier.shared import SharedCache

FLAGS = ("r", "w", "c", "n")
# For one request; a value of any size is one.
PUT_KEYS_MAX = 1000
PUT_BYTES_MAX = 1 << 20
# How often a write waits for the disk, while others fill what it empties.
SYNCS_MAX = 10

T = TypeVar("T")


class _AsStored:
    """Values are packed already."""

    def pack(self, value: Any) -> bytes:
        return value

    def unpack(self, packed: bytes) -> Any:
        return packed


class ShelfEntries(MutableMapping[bytes, bytes]):
    """The durable cache `name`; each value is one MessagePack object. `flag` as DurableCache has it."""

    def __init__(self, name: str, flag: str) -> None:
        if flag not in FLAGS:
            raise ValueError(f"flag is one of {', '.join(FLAGS)}, not {flag!r}")
        self._cache = SharedCache(name, "durable", _AsStored())
        self._is_read_only = flag == "r"
        if flag in ("r", "w") and not _is_there(name):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        cache = self._cache.open()
        if flag == "n":
            cache.clear()

    def __getitem__(self, key: bytes) -> bytes:
        packed = self._cache.do(lambda cache: cache.get_raw(key))
        if packed is None:
            raise KeyError(key)
        return packed

    def __setitem__(self, key: bytes, packed: bytes) -> None:
        self._write(lambda cache: cache.put(key, packed))

    def __delitem__(self, key: bytes) -> None:
        if not self._write(lambda cache: cache.delete(key)):
            raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        try:
            return self[key] is not None  # type: ignore[index]
        except KeyError:
            return False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._cache.do(lambda cache: {_bytes(key) for key in cache.keys()}))

    def __len__(self) -> int:
        return self._cache.do(lambda cache: len(set(cache.keys())))

    def add(self, key: bytes, packed: bytes) -> bool:
        """Puts it unless there is one; whether it did."""
        return self._write(lambda cache: cache.put(key, packed, if_absent=True)) is not None

    def take(self, key: bytes) -> Optional[bytes]:
        """Removes an entry and gives its value, to one caller; None: there is none."""
        return self._write(lambda cache: _take(cache, key))

    def update(self, entries: Mapping[bytes, bytes]) -> None:  # type: ignore[override]
        batch: dict[Any, bytes] = {}
        size = 0
        for key, packed in entries.items():
            if batch and (len(batch) == PUT_KEYS_MAX or size + len(packed) > PUT_BYTES_MAX):
                self._put(batch)
                batch, size = {}, 0
            batch[key] = packed
            size += len(key) + len(packed)
        if batch:
            self._put(batch)

    def clear(self) -> None:
        self._write(lambda cache: cache.clear())

    def sync(self) -> None:
        if not self._is_read_only:
            self._cache.do(lambda cache: cache.sync())

    def _put(self, batch: dict[Any, bytes]) -> None:
        self._write(lambda cache: cache.put_many(batch))

    def _write(self, work: Callable[[Cache], T]) -> T:
        """What `work` does. Where more waits for the disk than the daemon allows, this waits for the disk, too."""
        if self._is_read_only:
            raise UnsupportedOperation("the shelf was opened for reading")
        for _ in range(SYNCS_MAX):
            try:
                return self._cache.do(work)
            except Overloaded:
                self._cache.do(lambda cache: cache.sync())
        return self._cache.do(work)


def _is_there(name: str) -> bool:
    try:
        default_client().cache(name).info()
    except UnknownCache:
        return False
    return True


def _take(cache: Cache, key: bytes) -> Optional[bytes]:
    while (found := cache.get_entry(key)) is not None:
        if cache.delete(key, if_version=found.version):
            return found.value
    return None


def _bytes(key: str | bytes) -> bytes:
    return key.encode() if isinstance(key, str) else key
