"""cachelib over Pannier, and so Flask-Caching.

    cache = pannier.contrib.cachelib.PannierCache(key_prefix="shop:")

    app.config["CACHE_TYPE"] = "pannier.contrib.cachelib.flask_cache"
    app.config["CACHE_OPTIONS"] = {"path": "/run/pannier/pannier.sock", "serializer": "pickle"}

`inc` and `dec` are atomic and keep the deadline; `clear` removes the entries with the `key_prefix`.
"""

from __future__ import annotations

from typing import Any, Optional

from cachelib import BaseCache

from pannier._types import NEVER
from pannier.contrib.backing import MISSING, backing_cache, change
from pannier.serializers import SerializerLike


class PannierCache(BaseCache):
    """`path`: the daemon's socket; None: as `$PANNIER_SOCKET` has it. `cache` names the daemon's cache, `max_entries` bounds it.
    `serializer`: see `pannier.serializers`; "pickle" takes whatever can be pickled, as other back ends of cachelib do."""

    def __init__(
        self,
        path: Optional[str] = None,
        default_timeout: int = 300,
        key_prefix: str = "",
        cache: str = "cachelib",
        serializer: SerializerLike = "msgpack",
        max_entries: Optional[int] = None,
    ) -> None:
        super().__init__(default_timeout)
        self.key_prefix = key_prefix
        self._cache = backing_cache(path, cache, serializer, max_entries)

    def get(self, key: str) -> Any:
        return self._cache.do(lambda cache: cache.get(self.key_prefix + key))

    def get_many(self, *keys: str) -> list[Any]:
        names = [self.key_prefix + key for key in keys]
        found = self._cache.do(lambda cache: cache.get_many(names))
        return [found.get(name) for name in names]

    def set(self, key: str, value: Any, timeout: Optional[int] = None) -> bool:
        ttl = self._ttl(timeout)
        self._cache.do(lambda cache: cache.put(self.key_prefix + key, value, ttl))
        return True

    def add(self, key: str, value: Any, timeout: Optional[int] = None) -> bool:
        ttl = self._ttl(timeout)
        return self._cache.do(lambda cache: cache.put(self.key_prefix + key, value, ttl, if_absent=True)) is not None

    def set_many(self, mapping: dict[str, Any], timeout: Optional[int] = None) -> list[str]:
        entries, ttl = {self.key_prefix + key: value for key, value in mapping.items()}, self._ttl(timeout)
        self._cache.do(lambda cache: cache.put_many(entries, ttl))
        return list(mapping)

    def delete(self, key: str) -> bool:
        return self._cache.do(lambda cache: cache.delete(self.key_prefix + key))

    def has(self, key: str) -> bool:
        return self._cache.do(lambda cache: self.key_prefix + key in cache)

    def clear(self) -> bool:
        self._cache.do(lambda cache: cache.clear(self.key_prefix))
        return True

    def inc(self, key: str, delta: int = 1) -> Any:
        def added(value: Any) -> Any:
            return delta if value is MISSING else value + delta

        ttl = self._ttl(None)
        return self._cache.do(lambda cache: change(cache, self.key_prefix + key, added, ttl))

    def dec(self, key: str, delta: int = 1) -> Any:
        return self.inc(key, -delta)

    def _ttl(self, timeout: Optional[int]) -> float:
        """cachelib's 0 is forever, and what is negative is over at once."""
        seconds = self._normalize_timeout(timeout)
        return NEVER if seconds == 0 else max(seconds, 0)


def flask_cache(app: Any, config: dict[str, Any], args: list[Any], options: dict[str, Any]) -> PannierCache:
    """What `CACHE_TYPE` names. `options` are those of `CACHE_OPTIONS`; prefix and time-out come from Flask-Caching's own."""
    return PannierCache(*args, **{"key_prefix": config["CACHE_KEY_PREFIX"], "cache": "flask", **options})
