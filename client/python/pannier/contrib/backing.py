"""What the back ends share: how they find their cache, and how they change a value that others change too."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Optional

from pannier._types import Duration
from pannier.cache import Cache
from pannier.client import Client, connect
from pannier.config import default_client
from pannier.serializers import SerializerLike, codec
from pannier.shared import SharedCache

MISSING: Any = object()


@functools.lru_cache(maxsize=None)
def _client_at(path: str) -> Client:
    """One for all back ends of this process, thread-safe and fork-safe as clients are."""
    return connect(path)


def backing_cache(path: Optional[str], name: str, serializer: SerializerLike, max_entries: Optional[int]) -> SharedCache:
    """A cache of tier lru, opened when it is used; without a path, of the daemon that `pannier.configure` or
    `$PANNIER_SOCKET` names."""
    settings = {} if max_entries is None else {"max_entries": max_entries}
    return SharedCache(name, "lru", codec(serializer), lambda: _client_at(path) if path else default_client(), **settings)


def change(cache: Cache, key: str, changed: Callable[[Any], Any], ttl: Duration) -> Any:
    """Replaces the value by what `changed` makes of it, or of MISSING, as if in one step; the new value.

    The deadline of an entry that is there stays, a new one gets `ttl`.
    """
    while True:
        entry = cache.get_entry(key)
        value = changed(MISSING if entry is None else entry.value)
        if entry is None:
            version = cache.put(key, value, ttl, if_absent=True)
        else:
            version = cache.put(key, value, keep_ttl=True, if_version=entry.version)
        if version is not None:
            return value
