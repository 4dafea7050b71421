"""What `pannier.memoize` makes of an async function: the twin of the class in `pannier.memoize`, computed by tasks."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from pannier.aio.cache import Cache
from pannier.aio.lease import Lease, LeaseResult
from pannier.aio.leases import NOTHING
from pannier.aio.shared import SharedCache, default_client
from pannier.computing import computing, is_inside
from pannier.errors import UnknownCache, UnpackError
from pannier.info import CacheInfo
from pannier.memo import UNSTORED, Memo
from pannier.shared import AWAY


def decorated(function: Callable[..., Any], settings: dict[str, Any]) -> Any:
    memo = _TaskMemo(function, **settings)

    async def memoized(*args: Any, **kwargs: Any) -> Any:
        return await memo.call(args, kwargs)

    async def invalidate(*args: Any, **kwargs: Any) -> bool:
        return await memo.invalidate(args, kwargs)

    wrapper: Any = functools.update_wrapper(memoized, function)
    wrapper.invalidate = invalidate
    wrapper.cache_clear = memo.clear
    wrapper.cache_info = memo.info
    return wrapper


class _TaskMemo(Memo):
    def __init__(self, function: Callable[..., Any], **settings: Any):
        super().__init__(function, **settings)
        self._shared: SharedCache | None = None

    async def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        key = self.key_of(args, kwargs)
        if is_inside((self.name, key)):
            return await self.function(*args, **kwargs)
        found = await self._find(key)
        if found.lease is not None:
            return await self._compute(key, found.lease, args, kwargs)
        return found.value if found.found else await self.function(*args, **kwargs)

    async def invalidate(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        key = self.key_of(args, kwargs)
        return await self._cache().do(lambda cache: cache.delete(key))

    async def clear(self) -> None:
        await self._cache().do(lambda cache: cache.clear())

    async def info(self) -> CacheInfo:
        return await self._cache().do(lambda cache: cache.info())

    def _cache(self) -> SharedCache:
        if self._shared is None:
            self._shared = SharedCache(self.name, "lru", self.codec, **self.settings)
        return self._shared

    async def _find(self, key: bytes) -> LeaseResult:
        path = default_client().path
        if not self.lets_ask(path):
            return NOTHING
        started = time.monotonic()
        try:
            return await self._cache().do(lambda cache: self._ask(cache, key))
        except AWAY as error:
            self.failed(path, error, time.monotonic() - started)
            return NOTHING

    async def _ask(self, cache: Cache, key: bytes) -> LeaseResult:
        try:
            found = await cache.lease(key, duration=self.lease_s)
            self.answered(cache.client.path)
            return found
        except UnpackError:
            # Something else has written it.
            await cache.delete(key)
            return NOTHING

    async def _compute(self, key: bytes, lease: Lease, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        started = time.monotonic()
        async with lease:
            with computing((self.name, key)):
                value = await self.function(*args, **kwargs)
            await self._store(lease, value, started)
        return value

    async def _store(self, lease: Lease, value: Any, started: float) -> None:
        asked = time.monotonic()
        try:
            version = await lease.put(value, self.ttl, stale=self.stale)
        except UnknownCache:
            # It was dropped, and the lease with it.
            return
        except UNSTORED as error:
            self.failed(default_client().path, error, time.monotonic() - asked)
            return
        if version is None:
            self.tell_unstored(asked - started)
