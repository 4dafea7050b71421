"""memoized: a property that is computed once, for its object or for all processes of the host.

    class User:
        def __init__(self, user_id): self.user_id = user_id
        def __cache_key__(self): return self.user_id

        @pannier.memoized
        def name(self): ...             # computed once for user 7 on this host, whichever objects stand for it

    user.name
    del user.name                       # the next one who asks, in whatever process, computes it anew

Shared it is when it is told what identifies the object: by `key`, a function of it, or by `__cache_key__` of its class, an
attribute, property or method. What these give is identified itself (see `pannier.identity`); None: this object has no identity,
or none yet. By a `key` objects of different classes are the same; by `__cache_key__` they are not.

Without, or where other processes could not know the property, or where its value cannot be serialized, the value is kept on the
object, in its `__dict__`, as everyone knows it; the latter two tell an `UnsharedWarning`.

One computation for the host: who asks meanwhile waits for its result, as `pannier.memoize` does it. An exception is not kept, and
reaches its caller. Values that are shared are copies. While the daemon is away, the value is computed each time
(`on_error="compute"`), or the error is raised ("raise"); `del` and assignment always raise it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any, Generic, Optional, TypeVar, overload

from pannier._types import Duration
from pannier.arguments import call_key
from pannier.atoms import Unidentified
from pannier.cache import Cache, Lease, LeaseResult
from pannier.errors import PannierError, UnpackError
from pannier.function_cache import FunctionCache
from pannier.identity import own_key
from pannier.serializers import SerializerLike
from pannier.shared import SharedCache
from pannier.unshared import MISSING, UNSERIALIZABLE

__all__ = ["memoized"]

R = TypeVar("R")

NOTHING = LeaseResult(None, False, False, None)


@overload
def memoized(function: Callable[[Any], R]) -> Memoized[R]: ...


@overload
def memoized(
    *,
    key: Optional[Callable[[Any], object]] = None,
    ttl: Optional[Duration] = None,
    lease: Optional[Duration] = None,
    name: Optional[str] = None,
    serializer: SerializerLike = "msgpack",
    on_error: Optional[str] = None,
) -> Callable[[Callable[[Any], R]], Memoized[R]]: ...


def memoized(
    function: Optional[Callable[[Any], R]] = None,
    *,
    key: Optional[Callable[[Any], object]] = None,
    ttl: Optional[Duration] = None,
    lease: Optional[Duration] = None,
    name: Optional[str] = None,
    serializer: SerializerLike = "msgpack",
    on_error: Optional[str] = None,
) -> Any:
    """Makes a method without arguments a property that is computed once; with parentheses or without.

    `key`: what identifies an object. `ttl`: how long a shared value counts, in seconds or as a timedelta; None: until it is
    deleted, or the daemon needs its memory. `lease`: how long others wait for who computes it (10 s); later its value is not
    shared any more. `name`: of the cache, instead of one that stands for the method as it is (see
    `pannier.names`). `serializer`: see `pannier.serializers`. `on_error`: "compute" or "raise"; None: as `pannier.configure` has
    it.
    """

    def decorate(method: Callable[[Any], R]) -> Memoized[R]:
        return Memoized(method, key, ttl, lease, name, serializer, on_error)

    return decorate if function is None else decorate(function)


class Memoized(Generic[R]):
    """The property that `memoized` makes. Thread-safe; a value that is kept on its object may be computed by several threads at
    once."""

    def __init__(
        self,
        method: Callable[[Any], R],
        key: Optional[Callable[[Any], object]],
        ttl: Optional[Duration],
        lease: Optional[Duration],
        name: Optional[str],
        serializer: SerializerLike,
        on_error: Optional[str],
    ) -> None:
        self.__wrapped__ = method
        self.__doc__ = method.__doc__
        self._key = key
        self._ttl = ttl
        self._lease = lease
        self._values = FunctionCache(method, (), name, serializer, on_error)
        self._attribute = method.__name__
        # Keys that a thread computes: what that asks for again, it must not wait for.
        self._computing = threading.local()

    def __set_name__(self, owner: type, name: str) -> None:
        self._attribute = name

    @overload
    def __get__(self, instance: None, owner: type) -> Memoized[R]: ...

    @overload
    def __get__(self, instance: object, owner: Optional[type] = None) -> R: ...

    def __get__(self, instance: Any, owner: Optional[type] = None) -> Any:
        if instance is None:
            return self
        kept = getattr(instance, "__dict__", {}).get(self._attribute, MISSING)
        if kept is not MISSING:
            return kept
        key = self._key_of(instance)
        return self._keep(instance, self.__wrapped__(instance)) if key is None else self._shared_value(instance, key)

    def __set__(self, instance: Any, value: R) -> None:
        """Makes `value` what everyone gets until it is deleted."""
        key = self._key_of(instance)
        packed = None if key is None else self._packed(value)
        if key is None or packed is None:
            self._keep(instance, value)
        else:
            self._forget(instance)
            self._put_raw(key, packed)

    def __delete__(self, instance: Any) -> None:
        """The next one who asks computes. Nothing happens if no value is there: another process may have deleted it."""
        key = self._key_of(instance)
        self._forget(instance)
        if key is not None:
            self._delete(key)

    def _key_of(self, instance: Any) -> Optional[bytes]:
        """None: the value is kept on the object."""
        if self._key is None and not hasattr(type(instance), "__cache_key__"):
            return None
        identity = own_key(instance) if self._key is None else self._key(instance)
        if identity is None or self._values.shared() is None:
            return None
        try:
            return call_key((instance if self._key is None else identity,), {})
        except Unidentified as reason:
            self._values.warn("values", reason)
            return None

    def _shared_value(self, instance: Any, key: bytes) -> R:
        computing = self._computing.__dict__.setdefault("keys", set())
        if key in computing:
            return self.__wrapped__(instance)
        try:
            found = self._values.ask(lambda cache: cache.lease(key, duration=self._lease), NOTHING)
        except UnpackError:
            found = NOTHING  # of a class that this process does not know
        if found.found:
            return found.value  # type: ignore[no-any-return]
        computing.add(key)
        try:
            return self._computed(instance, key, found.lease)
        finally:
            computing.discard(key)

    def _computed(self, instance: Any, key: bytes, lease: Optional[Lease]) -> R:
        """Computes the value and stores it; under the lease, if this caller has got one."""
        try:
            value = self.__wrapped__(instance)
        except BaseException:
            _release(lease)
            raise
        if self._packed(value) is None:
            _release(lease)
            return self._keep(instance, value)
        self._values.ask(lambda cache: self._store(cache, key, value, lease), None)
        return value

    def _store(self, cache: Cache, key: bytes, value: R, lease: Optional[Lease]) -> None:
        if lease is None:
            cache.put(key, value, self._ttl)
        else:
            lease.put(value, self._ttl)

    def _put_raw(self, key: bytes, packed: bytes) -> None:
        self._shared().do(lambda cache: cache.put_raw(key, packed, self._ttl))

    def _delete(self, key: bytes) -> None:
        self._shared().do(lambda cache: cache.delete(key))

    def _packed(self, value: R) -> Optional[bytes]:
        """None: it cannot be serialized."""
        try:
            return self._values.codec.pack(value)
        except UNSERIALIZABLE as reason:
            self._values.warn("values", reason)
            return None

    def _keep(self, instance: Any, value: R) -> R:
        """On the object."""
        try:
            instance.__dict__[self._attribute] = value
        except AttributeError:
            raise TypeError(
                f"{type(instance).__name__} has no __dict__ to keep {self._attribute!r}, and no __cache_key__ to share it"
            ) from None
        return value

    def _forget(self, instance: Any) -> None:
        getattr(instance, "__dict__", {}).pop(self._attribute, None)

    def _shared(self) -> SharedCache:
        shared = self._values.shared()
        assert shared is not None, "there is a key only if there is a cache"
        return shared


def _release(lease: Optional[Lease]) -> None:
    """Lets the next one who waits compute."""
    if lease is not None:
        with contextlib.suppress(PannierError):
            lease.release()
