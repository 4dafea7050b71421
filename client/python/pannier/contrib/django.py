"""Django's cache framework over Pannier.

    CACHES = {
        "default": {
            "BACKEND": "pannier.contrib.django.PannierCache",
            "LOCATION": "/run/pannier/pannier.sock",    # "": as $PANNIER_SOCKET has it
            "OPTIONS": {"cache": "django", "serializer": "pickle", "MAX_ENTRIES": 100_000},
        }
    }

`cache` names the daemon's cache, which all sites with this name share (KEY_PREFIX keeps their keys apart; `clear` does not).
`serializer`: see `pannier.serializers`; the default, "msgpack", refuses what it cannot store exactly, such as models and query
sets, which "pickle" takes. Without MAX_ENTRIES, the daemon's memory limit bounds the cache: nothing is culled at random, the
least recently used entry goes first. `incr` and `decr` keep the deadline and are atomic, for whatever can be added.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

from pannier._types import NEVER
from pannier.contrib.backing import MISSING, backing_cache, change


class PannierCache(BaseCache):  # type: ignore[misc]
    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        options = params.get("OPTIONS", {})
        self._cache = backing_cache(
            location, options.get("cache", "django"), options.get("serializer", "msgpack"), options.get("MAX_ENTRIES")
        )

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        full, ttl = self._key(key, version), self._ttl(timeout)
        return self._cache.do(lambda cache: cache.put(full, value, ttl, if_absent=True)) is not None

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        full = self._key(key, version)
        return self._cache.do(lambda cache: cache.get(full, default))

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        full, ttl = self._key(key, version), self._ttl(timeout)
        self._cache.do(lambda cache: cache.put(full, value, ttl))

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        full, ttl = self._key(key, version), self._ttl(timeout)
        return self._cache.do(lambda cache: cache.touch(full, ttl))

    def delete(self, key: str, version: int | None = None) -> bool:
        full = self._key(key, version)
        return self._cache.do(lambda cache: cache.delete(full))

    def has_key(self, key: str, version: int | None = None) -> bool:
        full = self._key(key, version)
        return self._cache.do(lambda cache: full in cache)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> Any:
        def added(value: Any) -> Any:
            if value is MISSING:
                raise ValueError(f"Key '{key}' not found")
            return value + delta

        full = self._key(key, version)
        return self._cache.do(lambda cache: change(cache, full, added, NEVER))

    def get_many(self, keys: Iterable[str], version: int | None = None) -> dict[str, Any]:
        names = {key: self._key(key, version) for key in keys}
        found = self._cache.do(lambda cache: cache.get_many(names.values()))
        return {key: found[full] for key, full in names.items() if full in found}

    def set_many(self, data: dict[str, Any], timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> list[str]:
        entries, ttl = {self._key(key, version): value for key, value in data.items()}, self._ttl(timeout)
        self._cache.do(lambda cache: cache.put_many(entries, ttl))
        return []

    def delete_many(self, keys: Iterable[str], version: int | None = None) -> None:
        names = [self._key(key, version) for key in keys]
        self._cache.do(lambda cache: cache.delete_many(names))

    def clear(self) -> None:
        self._cache.do(lambda cache: cache.clear())

    def _key(self, key: str, version: int | None) -> str:
        full: str = self.make_key(key, version)
        self.validate_key(full)
        return full

    def _ttl(self, timeout: Any) -> float:
        """Django's None is forever, and what is not positive is over at once."""
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return NEVER if seconds is None else max(seconds, 0)
