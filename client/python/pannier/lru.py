"""lru_cache: `functools.lru_cache`, with one cache for all processes of the host.

    @pannier.lru_cache(maxsize=10_000)
    def user_name(user_id): ...

    user_name(7)                # computed once for all processes, while it is in the cache
    user_name.cache_info()      # CacheInfo(hits=3, misses=1, maxsize=10000, currsize=1), of all processes
    user_name.cache_clear()     # for all processes

What is as in functools: which calls are the same, that the least recently used entry goes first (see below), that exceptions are
not cached, that a function may be called several times at once for the same arguments (`pannier.memoize` has one
computation for the host), that it may call itself, and that methods work.

What differs:

- A hit gives an equal object, not the one that was computed. As long as the result stays in the cache, and as long as
  this process keeps its copy (`maxsize` of them, 1,024 where that is None, and some 16 MiB as they are stored), it is the
  same object at each hit, as functools has it: whoever changes it changes what later hits of this process give. Where
  entries cannot be read out of the daemon's memory (see `shared_reads` of `pannier.connect`), each hit is a new copy.
- The order in which results go is the exact one for a `maxsize` below 64, where each hit is a request. From there on hits
  become known to the daemon a little later, and in a burst of new results one may go that was used just before.
- A result that this process cannot read, of a class that it does not know, is computed anew.
- The cache belongs to the function as it is (see `pannier.names`) with its `maxsize`, `typed` and serializer, so
  programs with different versions of it do not meet. With `name`, it belongs to that name, and the program that opened
  it last decides on its size. It outlives the processes.
- What other processes could not know stays in this process, as functools would keep it, and an `UnsharedWarning` says
  so once: calls whose arguments have no identity (see `pannier.identity`: objects without a `__cache_key__`, such as
  `self`), results that cannot be serialized, functions that close over such objects.
- A `maxsize` of 0 makes no request; its misses are those of this process.
- While the daemon is away, calls compute by themselves (`on_error="compute"`) or raise the error ("raise").
  `cache_clear` always raises it, since what it would leave behind could be found later.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Hashable
from typing import Any, Generic, NamedTuple, Optional, Protocol, TypeVar, Union, overload

from pannier import config
from pannier.arguments import call_key
from pannier.atoms import Unidentified
from pannier.cache import Cache
from pannier.copies import copies_of
from pannier.errors import TooLarge, UnpackError
from pannier.function_cache import FunctionCache
from pannier.serializers import SerializerLike
from pannier.unshared import MISSING, UNSERIALIZABLE, UnsharedCache

__all__ = ["lru_cache"]

R = TypeVar("R")
T = TypeVar("T")


class CacheInfo(NamedTuple):
    hits: int
    misses: int
    maxsize: Optional[int]
    currsize: int


class CachedFunction(Protocol[R]):
    """What `lru_cache` makes of a function."""

    __wrapped__: Callable[..., R]

    def __call__(self, *args: Hashable, **kwargs: Hashable) -> R: ...

    def cache_info(self) -> CacheInfo:
        """Of all processes that share the cache, since it was cleared; with what stayed in this one."""

    def cache_clear(self) -> None:
        """Forgets all results and counts, for all processes."""

    def cache_parameters(self) -> dict[str, Any]:
        """`maxsize` and `typed`."""


@overload
def lru_cache(maxsize: Callable[..., R], typed: bool = False) -> CachedFunction[R]: ...


@overload
def lru_cache(
    maxsize: Optional[int] = 128,
    typed: bool = False,
    *,
    name: Optional[str] = None,
    serializer: SerializerLike = "msgpack",
    on_error: Optional[str] = None,
) -> Callable[[Callable[..., R]], CachedFunction[R]]: ...


def lru_cache(
    maxsize: Union[int, None, Callable[..., R]] = 128,
    typed: bool = False,
    *,
    name: Optional[str] = None,
    serializer: SerializerLike = "msgpack",
    on_error: Optional[str] = None,
) -> Any:
    """Decorates a function whose results all processes of the host share. Also without parentheses.

    `maxsize`: that many results at most; None: as many as the daemon's memory limit allows; 0 and less: none. `typed`
    tells arguments of different types apart: 3 and 3.0. `name`: of the cache, instead of one that stands for the
    function as it is. `serializer`: see `pannier.serializers`. `on_error`: "compute" or "raise"; None: as
    `pannier.configure` has it.

    `help(pannier.lru)` tells what is as in functools, and what is not.
    """
    if callable(maxsize):
        return lru_cache(128, typed, name=name, serializer=serializer, on_error=on_error)(maxsize)
    if maxsize is not None and not isinstance(maxsize, int):
        raise TypeError("maxsize is an integer or None, or lru_cache decorates a function without parentheses")
    size = maxsize if maxsize is None else max(maxsize, 0)

    def decorate(function: Callable[..., R]) -> CachedFunction[R]:
        results = FunctionCache(function, ("lru_cache", size, typed), name, serializer, on_error, max_entries=size)
        return _decorated(_LruCache(function, size, typed, results))

    return decorate


def _decorated(cache: _LruCache[R]) -> CachedFunction[R]:
    find = cache.copies.find

    # A plain function: that binds as a method, and is copied and pickled by its name.
    def cached(*args: Hashable, **kwargs: Hashable) -> R:
        if not kwargs:
            found = find(args, config.settings.client)
            if found is not MISSING:
                return found
        return cache.call(args, kwargs)

    wrapper: Any = functools.update_wrapper(cached, cache.function)
    wrapper.cache_info = cache.info
    wrapper.cache_clear = cache.clear
    wrapper.cache_parameters = lambda: {"maxsize": cache.maxsize, "typed": cache.typed}
    return wrapper


class _UnsharedKey:
    """A call whose arguments mean something to this process alone. They are hashed once."""

    __slots__ = ("_hash", "_parts")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], typed: bool) -> None:
        types = tuple(map(type, (*args, *kwargs.values()))) if typed else ()
        self._parts = (args, tuple(kwargs.items()), types)
        self._hash = hash(self._parts)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _UnsharedKey) and self._parts == other._parts


class _LruCache(Generic[R]):
    """The results of one function: in the daemon, and beside it what must stay here."""

    def __init__(
        self, function: Callable[..., R], maxsize: Optional[int], typed: bool, results: FunctionCache
    ) -> None:
        self.function = function
        self.maxsize = maxsize
        self.typed = typed
        self.copies = copies_of(maxsize)
        self._results = results
        self._unshared = UnsharedCache(maxsize)
        # `now`: this thread looks into the cache; what that compares or serializes may call the function.
        self._looking = threading.local()

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        if self.maxsize == 0 or getattr(self._looking, "now", False):
            self._unshared.misses += 1
            return self.function(*args, **kwargs)
        key, found = self._look(self._find, args, kwargs)
        if found is not MISSING:
            return found
        result = self.function(*args, **kwargs)
        self._look(self._keep, key, result)
        return result

    def info(self) -> CacheInfo:
        here = self._unshared
        there = self._results.ask(lambda cache: cache.info(), None) if self.maxsize != 0 else None
        if there is None:
            return CacheInfo(here.hits, here.misses, self.maxsize, len(here))
        return CacheInfo(
            there.hits + here.hits, there.misses + here.misses, self.maxsize, there.currsize + len(here)
        )

    def clear(self) -> None:
        self._unshared.clear()
        self.copies.clear()
        shared = self._results.shared() if self.maxsize != 0 else None
        if shared is not None:
            shared.drop()

    def _look(self, work: Callable[..., T], *arguments: Any) -> T:
        self._looking.now = True
        try:
            return work(*arguments)
        finally:
            self._looking.now = False

    def _find(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Union[bytes, _UnsharedKey], Any]:
        """The call's key, bytes if it is shared, and the result if it is known."""
        if self._results.shared() is not None:
            try:
                key = call_key(args, kwargs, self.typed)
                return key, self._find_shared(key, args if not (kwargs or self.typed) else None)
            except Unidentified as reason:
                unshared = _UnsharedKey(args, kwargs, self.typed)
                self._results.warn("calls", reason)
        else:
            unshared = _UnsharedKey(args, kwargs, self.typed)
        return unshared, self._unshared.get(unshared)

    def _find_shared(self, key: bytes, args: Optional[tuple[Any, ...]]) -> Any:
        """`args`: those that alone have made the key."""
        if key in self._unshared:
            return self._unshared.get(key)
        try:
            return self._results.ask(lambda cache: self._get(cache, key, args), MISSING)
        except UnpackError:
            return MISSING

    def _get(self, cache: Cache, key: bytes, args: Optional[tuple[Any, ...]]) -> Any:
        found = self.copies.read(cache.client, cache.name, key, args, self._results.codec)
        return found if found is not MISSING else cache.get(key, MISSING)

    def _keep(self, key: Union[bytes, _UnsharedKey], result: R) -> None:
        if isinstance(key, bytes):
            self._keep_shared(key, result)
        else:
            self._unshared.put(key, result)

    def _keep_shared(self, key: bytes, result: R) -> None:
        try:
            packed = self._results.codec.pack(result)
        except UNSERIALIZABLE as reason:
            self._keep_here(key, result, reason)
            return
        try:
            self._results.ask(lambda cache: cache.put_raw(key, packed), None)
        except TooLarge as reason:
            self._keep_here(key, result, reason)

    def _keep_here(self, key: bytes, result: R, reason: Exception) -> None:
        self._results.warn("results", reason)
        self._unshared.put(key, result)
