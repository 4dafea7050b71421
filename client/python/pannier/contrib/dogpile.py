"""dogpile.cache over Pannier. To import this module makes the back end known; where pip has installed the package, it is.

    import pannier.contrib.dogpile

    region = dogpile.cache.make_region().configure(
        "pannier", expiration_time=60, arguments={"distributed_lock": True}
    )

Arguments, all of which may be left out:

    path              the daemon's socket; else as `$PANNIER_SOCKET` has it
    cache             name of the daemon's cache ("dogpile")
    ttl               after this many seconds the daemon forgets values, whatever the region thinks of them
    max_entries       bounds the cache
    serializer        see `pannier.serializers`
    distributed_lock  True: one creator on the host, instead of one in each process
    lock_timeout      seconds for which a creator that hangs keeps the others waiting (60). One that dies does not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from dogpile.cache import register_backend
from dogpile.cache.api import NO_VALUE, CacheBackend, CachedValue

from pannier.cache import Lease
from pannier.contrib.backing import backing_cache
from pannier.shared import SharedCache

LOCK_TIMEOUT_DEFAULT_S = 60.0


class PannierBackend(CacheBackend):  # type: ignore[misc]
    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._cache = backing_cache(
            arguments.get("path"),
            arguments.get("cache", "dogpile"),
            arguments.get("serializer", "msgpack"),
            arguments.get("max_entries"),
        )
        self._ttl = arguments.get("ttl")
        self._has_lock = arguments.get("distributed_lock", False)
        self._lock_timeout = arguments.get("lock_timeout", LOCK_TIMEOUT_DEFAULT_S)

    def get_mutex(self, key: str) -> Mutex | None:
        return Mutex(self._cache, key, self._lock_timeout) if self._has_lock else None

    def get(self, key: str) -> Any:
        return _restored(self._cache.do(lambda cache: cache.get(key, NO_VALUE)))

    def get_multi(self, keys: Sequence[str]) -> list[Any]:
        found = self._cache.do(lambda cache: cache.get_many(keys))
        return [_restored(found.get(key, NO_VALUE)) for key in keys]

    def set(self, key: str, value: Any) -> None:
        self._cache.do(lambda cache: cache.put(key, _plain(value), self._ttl))

    def set_multi(self, mapping: Mapping[str, Any]) -> None:
        entries = {key: _plain(value) for key, value in mapping.items()}
        self._cache.do(lambda cache: cache.put_many(entries, self._ttl))

    def delete(self, key: str) -> None:
        self._cache.do(lambda cache: cache.delete(key))

    def delete_multi(self, keys: Sequence[str]) -> None:
        self._cache.do(lambda cache: cache.delete_many(keys))


class Mutex:
    """A lease on a key that never has a value. Threads may share one, and release what another thread has acquired."""

    def __init__(self, cache: SharedCache, key: str, timeout_s: float) -> None:
        self._cache = cache
        # Not the value's own: a region creates anew what is there still.
        self._key = "lock:" + key
        self._timeout_s = timeout_s
        # The oldest first. There are several where time has ended some.
        self._leases: deque[Lease] = deque()

    def acquire(self, wait: bool = True) -> bool:
        while True:
            lease = self._ask(self._timeout_s if wait else 0)
            if lease is not None:
                self._leases.append(lease)
                return True
            if not wait:
                return False

    def release(self) -> None:
        self._leases.popleft().release()

    def locked(self) -> bool:
        lease = self._ask(0)
        if lease is not None:
            lease.release()
        return lease is None

    def _ask(self, wait_s: float) -> Lease | None:
        return self._cache.do(lambda cache: cache.lease(self._key, duration=self._timeout_s, wait=wait_s)).lease


def _plain(value: Any) -> Any:
    """Regions with a serializer of their own store bytes."""
    return [value.payload, value.metadata] if isinstance(value, CachedValue) else value


def _restored(value: Any) -> Any:
    return CachedValue(*value) if isinstance(value, list) else value


register_backend("pannier", "pannier.contrib.dogpile", "PannierBackend")
