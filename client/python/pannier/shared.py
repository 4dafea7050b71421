"""Caches that a process finds by their names: opened when they are needed, and again when the daemon has lost them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pannier.cache import Cache
from pannier.client import Client
from pannier.config import default_client
from pannier.errors import (
    Conflict,
    OutOfMemory,
    Overloaded,
    ShuttingDown,
    StorageError,
    TransportError,
    UnknownCache,
)
from pannier.serializers import Codec

T = TypeVar("T")

# While one process does nothing but drop the cache, the others get a word in sooner or later.
DROPS_MAX = 1000

#: What a cache may fail with through no fault of its user, who can do without it meanwhile.
AWAY = (TransportError, ShuttingDown, Overloaded, OutOfMemory, StorageError)


class SharedCache:
    """One cache, of the client that this process shares unless `client` gives another. Makes no request by itself.

    Where the cache is there with other bounds or ages, they are set to `settings`: who opens it last, decides. Without
    any, it is taken as it is. Thread-safe, and safe after fork as the client is.
    """

    def __init__(
        self, name: str, tier: str, codec: Codec, client: Callable[[], Client] = default_client, **settings: Any
    ) -> None:
        self.name = name
        self._codec = codec
        self._tier = tier
        self._client = client
        self._settings = settings
        self._opened: Cache | None = None

    def do(self, work: Callable[[Cache], T]) -> T:
        """What `work` does with the cache; again if the cache was gone. Raises what the cache's methods raise."""
        cache = self._opened
        if cache is None or cache.client is not self._client():
            cache = self.open()
        for _ in range(DROPS_MAX):
            try:
                return work(cache)
            except UnknownCache:
                cache = self.open()
        return work(cache)

    def open(self) -> Cache:
        """Opens the cache now. Raises `Conflict` if it is there with another tier."""
        client = self._client()
        try:
            self._open(client)
        except Overloaded:
            if not self._drop_older(client):
                raise
            self._open(client)
        self._opened = Cache(client, self.name, self._codec)
        return self._opened

    def drop(self) -> None:
        """Removes the cache with its entries and counters, for all processes; the next use of it opens it anew."""
        self._opened = None
        self._client().drop(self.name)

    def _open(self, client: Client) -> None:
        if self._settings:
            client.open(self.name, self._tier, alter=True, **self._settings)
            return
        try:
            client.open(self.name, self._tier)
        except Conflict:
            if client.cache(self.name).info().tier != self._tier:
                raise

    def _drop_older(self, client: Client) -> bool:
        """Where a daemon has as many caches as it may, those of other versions of the same function go."""
        older = older_versions(self.name, client.info().caches)
        for name in older:
            client.drop(name)
        return bool(older)


def older_versions(name: str, caches: Iterable[str]) -> list[str]:
    """Those of `caches` that are named after the same function, with another digest."""
    words, mark, _ = name.rpartition("#")
    return [other for other in caches if mark and other.startswith(words + mark) and other != name]
