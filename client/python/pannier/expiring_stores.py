"""Where the entries of an ExpiringDict are: in the object, or in the daemon. Ages are in seconds."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, NamedTuple, Optional, Protocol

import msgpack

from pannier.atoms import ATOMS, pack
from pannier.cache import Cache
from pannier.durations import SECONDS_MAX
from pannier.serializers import SerializerLike, codec
from pannier.shared import SharedCache
from pannier.unshared import MISSING


class Found(NamedTuple):
    value: Any
    #: Since it was set; 0 where nobody asked.
    age: float

    def set_time(self) -> float:
        """As time.time() tells it."""
        return time.time() - self.age


class Store(Protocol):
    """What an ExpiringDict needs of the place of its entries. Thread-safe; for no method an expired entry is there."""

    lock: Any

    def find(self, key: Any, with_age: bool) -> Optional[Found]: ...

    def put(self, key: Any, value: Any, set_time: Optional[float]) -> None:
        """`set_time` as time.time() tells it; None: now."""

    def add(self, key: Any, value: Any) -> bool:
        """Puts the value if there is none; whether it did."""

    def take(self, key: Any) -> Optional[Found]:
        """Removes the entry; one caller gets it."""

    def entries(self) -> list[tuple[Any, Found]]:
        """The oldest first."""

    def count(self) -> int: ...

    def clear(self) -> None: ...


class OwnStore:
    """Entries in this object. Expired ones give their memory back when they are met, or when something is put."""

    def __init__(self, max_len: int, max_age: float) -> None:
        self.lock = threading.RLock()
        self._max_len = max_len
        self._max_age = max_age
        # In the order of insertion, with the time of time.monotonic() at which each was set.
        self._entries: OrderedDict[Any, tuple[Any, float]] = OrderedDict()
        # Their keys in the order in which they were put last: overwriting one leaves its place above as it is. A key is
        # here only while it is above too, at every moment: a fork may copy both in the middle of a change.
        self._by_age: OrderedDict[Any, None] = OrderedDict()
        _stores.add(self)

    def find(self, key: Any, with_age: bool) -> Optional[Found]:
        with self.lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            found = Found(entry[0], time.monotonic() - entry[1])
            if found.age < self._max_age:
                return found
            self._drop(key)
            return None

    def put(self, key: Any, value: Any, set_time: Optional[float]) -> None:
        age = 0.0 if set_time is None else time.time() - set_time
        with self.lock:
            self._expire()
            is_new = self.find(key, False) is None
            if is_new and len(self._entries) >= self._max_len:
                self._drop(next(iter(self._entries)))
            self._entries[key] = (value, time.monotonic() - age)
            self._by_age[key] = None
            self._by_age.move_to_end(key)

    def add(self, key: Any, value: Any) -> bool:
        with self.lock:
            if self.find(key, False) is not None:
                return False
            self.put(key, value, None)
            return True

    def take(self, key: Any) -> Optional[Found]:
        with self.lock:
            found = self.find(key, True)
            if found is not None:
                self._drop(key)
            return found

    def entries(self) -> list[tuple[Any, Found]]:
        with self.lock:
            now = time.monotonic()
            found = [(key, Found(value, now - set_at)) for key, (value, set_at) in self._entries.items()]
        return [(key, entry) for key, entry in found if entry.age < self._max_age]

    def count(self) -> int:
        return len(self.entries())

    def clear(self) -> None:
        with self.lock:
            self._by_age.clear()
            self._entries.clear()

    def _expire(self) -> None:
        """Drops those that have expired; one that was put with an age of its own, when those put before it have."""
        too_old = time.monotonic() - self._max_age
        while self._by_age and self._entries[key := next(iter(self._by_age))][1] <= too_old:
            self._drop(key)

    def _drop(self, key: Any) -> None:
        self._by_age.pop(key, None)
        del self._entries[key]


_stores: weakref.WeakSet[OwnStore] = weakref.WeakSet()


def _renew_locks() -> None:
    # In a forked child; another thread of the parent may have held one.
    for store in _stores:
        store.lock = threading.RLock()


os.register_at_fork(after_in_child=_renew_locks)


class SharedStore:
    """Entries in the daemon, in the cache `name`."""

    def __init__(self, name: str, max_len: int, max_age: float, serializer: SerializerLike) -> None:
        self.lock = threading.RLock()
        # math.inf too: the daemon keeps nothing of tier ttl for ever, but for longer than anybody waits.
        self._max_age = min(max_age, SECONDS_MAX)
        self._cache = SharedCache(
            name,
            "ttl",
            codec(serializer),
            policy="fifo",
            max_entries=max_len,
            max_age=max(self._max_age, 0.001),
        )

    def find(self, key: Any, with_age: bool) -> Optional[Found]:
        packed_key = key_bytes(key)
        if with_age:
            entry = self._cache.do(lambda cache: cache.get_entry(packed_key))
            return None if entry is None else self._found(entry)
        value: Any = self._cache.do(lambda cache: cache.get(packed_key, MISSING))
        return None if value is MISSING else Found(value, 0)

    def put(self, key: Any, value: Any, set_time: Optional[float]) -> None:
        packed_key, ttl = key_bytes(key), self._ttl(set_time)
        self._cache.do(lambda cache: cache.put(packed_key, value, ttl))

    def add(self, key: Any, value: Any) -> bool:
        packed_key, ttl = key_bytes(key), self._ttl(None)
        return self._cache.do(lambda cache: cache.put(packed_key, value, ttl, if_absent=True)) is not None

    def take(self, key: Any) -> Optional[Found]:
        packed_key = key_bytes(key)

        def take_from(cache: Cache) -> Optional[Found]:
            while (entry := cache.get_entry(packed_key)) is not None:
                if cache.delete(packed_key, if_version=entry.version):
                    return self._found(entry)
            return None

        return self._cache.do(take_from)

    def entries(self) -> list[tuple[Any, Found]]:
        def all_of(cache: Cache) -> list[tuple[int, Any, Found]]:
            found = {key: cache.get_entry(stored) for stored, key in self._keys(cache)}
            return [(entry.version, key, self._found(entry)) for key, entry in found.items() if entry is not None]

        by_version = sorted(self._cache.do(all_of), key=lambda entry: entry[0])
        return [(key, entry) for _, key, entry in by_version]

    def count(self) -> int:
        return self._cache.do(lambda cache: len({stored for stored, _ in self._keys(cache)}))

    def clear(self) -> None:
        self._cache.do(lambda cache: cache.clear())

    def _ttl(self, set_time: Optional[float]) -> Optional[float]:
        if self._max_age == 0:
            return 0
        return None if set_time is None else max(0.0, self._max_age - (time.time() - set_time))

    def _found(self, entry: Any) -> Found:
        # The daemon tells whole milliseconds; an entry that is younger than one is half of it old, not of no age.
        return Found(entry.value, max(self._max_age - entry.ttl, 0.0005))

    def _keys(self, cache: Cache) -> Iterator[tuple[Any, Any]]:
        for stored in cache.keys():
            key = key_of(stored)
            if key is not MISSING:
                yield stored, key


# What no UTF-8 begins with: a key that is no str, or none that is UTF-8, follows as MessagePack.
PACKED = b"\xc1"
PLAIN = (type(None), bool, int, float, str, bytes)


def key_bytes(key: Any) -> bytes:
    """The daemon's key; equal keys have the same. TypeError: it is of no type that can be read back."""
    if type(key) is str and key:
        try:
            return key.encode()
        except UnicodeEncodeError:
            pass  # a lone surrogate
    return PACKED + pack(_plain(key))


def key_of(stored: Any) -> Any:
    """The key of an entry from the daemon's; MISSING: it was not made by key_bytes."""
    if isinstance(stored, str):
        return stored
    if not stored.startswith(PACKED):
        return MISSING
    return msgpack.unpackb(
        stored[1:], use_list=False, unicode_errors="surrogatepass", ext_hook=lambda _, digits: int(digits, 16)
    )


def _plain(key: Any) -> Any:
    if type(key) in PLAIN:
        return ATOMS[type(key)](key)
    if type(key) is tuple:
        return [_plain(item) for item in key]
    hash(key)  # what is unhashable says so itself
    kind = type(key).__qualname__
    raise TypeError(f"a key of a shared ExpiringDict is None, int, float, str, bytes or a tuple of these, not {kind}")
