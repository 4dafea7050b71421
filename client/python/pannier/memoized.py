"""memoized: a property that is computed once, for its object or for all processes of the host."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, Optional, TypeVar, overload

from pannier._types import Duration
from pannier.identity import own_key
from pannier.memo import LEASE_DEFAULT_S
from pannier.memoize import memoize
from pannier.serializers import SerializerLike
from pannier.unshared import MISSING

__all__ = ["memoized"]

R = TypeVar("R")


@overload
def memoized(function: Callable[[Any], R]) -> Memoized[R]: ...


@overload
def memoized(
    *,
    key: Optional[Callable[[Any], Hashable]] = None,
    ttl: Optional[Duration] = None,
    name: Optional[str] = None,
    on_error: Optional[str] = None,
    lease: Duration = LEASE_DEFAULT_S,
    serializer: SerializerLike = "msgpack",
) -> Callable[[Callable[[Any], R]], Memoized[R]]: ...


def memoized(
    function: Optional[Callable[[Any], R]] = None,
    *,
    key: Optional[Callable[[Any], Hashable]] = None,
    ttl: Optional[Duration] = None,
    name: Optional[str] = None,
    on_error: Optional[str] = None,
    lease: Duration = LEASE_DEFAULT_S,
    serializer: SerializerLike = "msgpack",
) -> Any:
    """Makes a method without arguments a property that is computed once; with parentheses or without.

        class User:
            def __init__(self, user_id):
                self.user_id = user_id

            def __cache_key__(self):
                return self.user_id

            @pannier.memoized
            def name(self): ...             # computed once for user 7 on this host, whichever objects stand for it

        user.name
        del user.name                       # the next one who asks, in whatever process, computes it anew

    Shared it is when it is told what identifies the object: by `key`, a function of it, or by `__cache_key__` of its class,
    an attribute, property or method. What these give has to be identified itself (see `pannier.identity`). By a `key`,
    objects of different classes are the same where their keys are; by `__cache_key__` they are not. Then it is
    `pannier.memoize` of the method: who asks while it is computed waits for the result, exceptions are not kept, and that
    is also where to read what happens while the daemon is away. Values are copies.

    Without, or where the identity is None (none yet), the value is kept on the object, in its `__dict__`, as everyone knows
    it. Several threads may compute it at once then, and it can be assigned.

    `key`: a function of the object; what it returns identifies it. `ttl`, `name`, `on_error`, `lease` and `serializer` are
    those of `pannier.memoize`, and concern shared values alone. Access to a shared value raises what a call does there:
    `Unidentified` where other processes could not know the object or the method, the serializer's error for a value that
    it does not take.
    """

    def decorate(method: Callable[[Any], R]) -> Memoized[R]:
        shared = memoize(key=key, ttl=ttl, name=name, on_error=on_error, lease=lease, serializer=serializer)(method)
        return Memoized(method, shared, key)

    return decorate if function is None else decorate(function)


class Memoized(Generic[R]):
    """The property that `memoized` makes."""

    def __init__(self, method: Callable[[Any], R], shared: Any, key: Optional[Callable[[Any], Hashable]]) -> None:
        self.__wrapped__ = method
        self.__doc__ = method.__doc__
        self._shared = shared
        self._key = key
        self._attribute = method.__name__

    def __set_name__(self, owner: type, name: str) -> None:
        self._attribute = name

    @overload
    def __get__(self, instance: None, owner: type) -> Memoized[R]: ...

    @overload
    def __get__(self, instance: object, owner: Optional[type] = None) -> R: ...

    def __get__(self, instance: Any, owner: Optional[type] = None) -> Any:
        if instance is None:
            return self
        if self._is_shared(instance):
            return self._shared(instance)
        kept = self._attributes(instance)
        value = kept.get(self._attribute, MISSING)
        if value is MISSING:
            value = kept[self._attribute] = self.__wrapped__(instance)
        return value

    def __set__(self, instance: Any, value: R) -> None:
        if self._is_shared(instance):
            raise AttributeError(f"{self._attribute} is shared by all processes; del makes the next one compute it")
        self._attributes(instance)[self._attribute] = value

    def __delete__(self, instance: Any) -> None:
        """Nothing happens if no value is there: another process may have deleted it."""
        if self._is_shared(instance):
            self._shared.invalidate(instance)
        else:
            self._attributes(instance).pop(self._attribute, None)

    def _is_shared(self, instance: Any) -> bool:
        if self._key is not None:
            return self._key(instance) is not None
        return hasattr(type(instance), "__cache_key__") and own_key(instance) is not None

    def _attributes(self, instance: Any) -> dict[str, Any]:
        try:
            return instance.__dict__
        except AttributeError:
            kind = type(instance).__name__
            raise TypeError(
                f"{kind} has no __dict__ to keep {self._attribute!r}, and no __cache_key__ to share it"
            ) from None
