"""memoize: a function whose results all processes of the host share, and of which each is computed once."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Hashable
from typing import Any, Optional, Protocol, TypeVar, overload

from pannier import config
from pannier._types import Duration
from pannier.cache import Cache, Lease, LeaseResult
from pannier.computing import computing, is_inside
from pannier.config import default_client
from pannier.copies import copies_of
from pannier.errors import UnknownCache, UnpackError
from pannier.info import CacheInfo
from pannier.memo import LEASE_DEFAULT_S, UNSTORED, Memo
from pannier.serializers import SerializerLike
from pannier.shared import AWAY, SharedCache
from pannier.unshared import MISSING

__all__ = ["memoize"]

R = TypeVar("R")

NOTHING = LeaseResult(None, False, False, None)


class MemoizedFunction(Protocol[R]):
    """What `memoize` makes of a function. Of an async one all four are to be awaited."""

    __wrapped__: Callable[..., R]

    def __call__(self, *args: Any, **kwargs: Any) -> R: ...

    def invalidate(self, *args: Any, **kwargs: Any) -> bool:
        """Forgets the result of this call, for all processes. False: there was none."""

    def cache_clear(self) -> None:
        """Forgets all results, for all processes; the counters go on."""

    def cache_info(self) -> CacheInfo:
        """Counters of all processes that share the cache. Who waited for another's result has a miss and a hit."""


@overload
def memoize(function: Callable[..., R]) -> MemoizedFunction[R]: ...


@overload
def memoize(
    *,
    ttl: Optional[Duration] = None,
    key: Optional[Callable[..., Hashable]] = None,
    stale: Optional[Duration] = None,
    name: Optional[str] = None,
    on_error: Optional[str] = None,
    typed: bool = False,
    lease: Duration = LEASE_DEFAULT_S,
    maxsize: Optional[int] = None,
    serializer: SerializerLike = "msgpack",
) -> Callable[[Callable[..., R]], MemoizedFunction[R]]: ...


def memoize(
    function: Optional[Callable[..., Any]] = None,
    *,
    ttl: Optional[Duration] = None,
    key: Optional[Callable[..., Hashable]] = None,
    stale: Optional[Duration] = None,
    name: Optional[str] = None,
    on_error: Optional[str] = None,
    typed: bool = False,
    lease: Duration = LEASE_DEFAULT_S,
    maxsize: Optional[int] = None,
    serializer: SerializerLike = "msgpack",
) -> Any:
    """Decorates a function or an async function; with parentheses or without. Durations are seconds or timedeltas.

        @pannier.memoize(ttl=60)
        def report(day): ...

        report(7)                   # one caller on the host computes; whoever asks meanwhile waits for its result
        report.invalidate(7)        # the next one who asks computes it anew
        report.cache_clear()        # all of them
        report.cache_info()         # CacheInfo(hits=3, misses=1, …), of all processes
        report.__wrapped__(7)       # without the cache

        @pannier.memoize(ttl=60)
        async def page(url): ...    # for asyncio; then `invalidate`, `cache_clear` and `cache_info` are to be awaited

    - Who computes has a lease on the key. If it dies, or its task is canceled, the next one who waits computes, at once; if it
      takes longer than `lease`, the next one does then, and what comes too late is returned to its caller, but not kept. Nobody
      waits longer than `lease` for another one: whose wait is over computes by itself.
    - An exception is not kept, and reaches the one whose call raised it; those who wait then compute, one after the other.
    - A function that asks for its own result, directly or through others or through tasks that it has started, computes it by
      itself instead of waiting for itself.
    - With `stale`, a value counts for that much longer after its `ttl`: the first one who asks then computes a new one, all
      others get the old one meanwhile.
    - `invalidate` and `cache_clear` concern what is being computed, too: its callers get it, but it is not kept.
    - Results of hits are copies, made by `serializer`. As long as a result stays in the cache, this process gives the same copy
      at each hit (`maxsize` of them, 1,024 where that is None, and some 16 MiB as they are stored): whoever changes it changes what
      later hits of this process give. Where entries cannot be read out of the daemon's memory (see `shared_reads` of
      `pannier.connect`), and of an async function, each hit is a new copy. A result that cannot be serialized raises what the
      serializer raises.
    - While the daemon is away, calls compute by themselves (`on_error="compute"`) and do not wait for it: it is asked now and
      then whether it is back. With "raise" they raise the error. `invalidate` and `cache_clear` always do.

    Of a method, `self` is an argument as any other: `key=lambda self, day: (self.id, day)`, and `invalidate(self, day)`.

    Thread-safe, and safe after `fork`: a child that is forked off in the middle of a computation does not end the parent's
    lease.

    `ttl`: how long a result counts; None: while there is memory for it. `key`: a function of the arguments; what it returns
    identifies the call, instead of the arguments. `stale`: how long after its `ttl` a result is still given to those who do not
    compute the new one. `name`: of the cache, instead of one that stands for the function as it is (see `pannier.names`).
    `on_error`: "compute" or "raise" while the daemon is away; None: as `pannier.configure` has it. `typed` tells arguments of
    different types apart: 3 and 3.0. `lease`: how long one computation may take, and the longest that anybody waits for it; from
    a millisecond to an hour. `maxsize`: that many results at most, 1 or more; None: as many as the daemon's memory limit allows.
    `serializer`: see `pannier.serializers`.

    Calls raise a TypeError (`Unidentified`) where other processes could not know the function or an argument: an object whose
    class has no `__cache_key__`, such as the `self` of a method. `name` and `key` help.
    """
    settings = dict(
        ttl=ttl,
        key=key,
        stale=stale,
        name=name,
        on_error=on_error,
        typed=typed,
        lease=lease,
        maxsize=maxsize,
        serializer=serializer,
    )
    if function is None:
        return functools.partial(_decorated, **settings)
    return _decorated(function, **settings)


def _decorated(function: Callable[..., Any], **settings: Any) -> Any:
    if not callable(function) or inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"memoize decorates functions and async functions, not {function!r}")
    if inspect.iscoroutinefunction(function):
        from pannier.aio.memoize import decorated

        return decorated(function, settings)
    memo = _ThreadMemo(function, **settings)

    find = memo.copies.find

    def memoized(*args: Any, **kwargs: Any) -> Any:
        if not kwargs:
            found = find(args, config.settings.client)
            if found is not MISSING:
                return found
        return memo.call(args, kwargs)

    wrapper: Any = functools.update_wrapper(memoized, function)
    wrapper.invalidate = lambda *args, **kwargs: memo.invalidate(args, kwargs)
    wrapper.cache_clear = memo.clear
    wrapper.cache_info = memo.info
    return wrapper


class _ThreadMemo(Memo):
    """Computed by the threads that call."""

    def __init__(self, function: Callable[..., Any], **settings: Any) -> None:
        super().__init__(function, **settings)
        self.copies = copies_of(self.maxsize)
        self._shared: Optional[SharedCache] = None

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        key = self.key_of(args, kwargs)
        if is_inside((self.name, key)):
            return self.function(*args, **kwargs)
        found = self._find(key, None if kwargs or not self.is_keyed_by_values else args)
        if found.lease is not None:
            return self._compute(key, found.lease, args, kwargs)
        return found.value if found.found else self.function(*args, **kwargs)

    def invalidate(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        key = self.key_of(args, kwargs)
        return self._cache().do(lambda cache: cache.delete(key))

    def clear(self) -> None:
        self.copies.clear()
        self._cache().do(lambda cache: cache.clear())

    def info(self) -> CacheInfo:
        return self._cache().do(lambda cache: cache.info())

    def _cache(self) -> SharedCache:
        if self._shared is None:
            self._shared = SharedCache(self.name, "lru", self.codec, **self.settings)
        return self._shared

    def _find(self, key: bytes, args: Optional[tuple[Any, ...]]) -> LeaseResult:
        """`args`: those that alone have made the key."""
        path = default_client().path
        if not self.lets_ask(path):
            return NOTHING
        started = time.monotonic()
        try:
            return self._cache().do(lambda cache: self._ask(cache, key, args))
        except AWAY as error:
            self.failed(path, error, time.monotonic() - started)
            return NOTHING

    def _ask(self, cache: Cache, key: bytes, args: Optional[tuple[Any, ...]]) -> LeaseResult:
        try:
            value = self.copies.read(cache.client, cache.name, key, args, self.codec)
            if value is not MISSING:
                self.answered(cache.client.path)
                return LeaseResult(value, True, False, None)
            found = cache.lease(key, duration=self.lease_s, wait=0)
            self.answered(cache.client.path)
            if found.found or found.lease is not None:
                return found
            return cache.lease(key, duration=self.lease_s, wait=self.lease_s)
        except UnpackError:
            # Something else has written it.
            cache.delete(key)
            return NOTHING

    def _compute(self, key: bytes, lease: Lease, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        started = time.monotonic()
        with lease:
            with computing((self.name, key)):
                value = self.function(*args, **kwargs)
            self._store(lease, value, started)
        return value

    def _store(self, lease: Lease, value: Any, started: float) -> None:
        asked = time.monotonic()
        try:
            version = lease.put(value, self.ttl, stale=self.stale)
        except UnknownCache:
            # It was dropped, and the lease with it.
            return
        except UNSTORED as error:
            self.failed(default_client().path, error, time.monotonic() - asked)
            return
        if version is None:
            self.tell_unstored(asked - started)
