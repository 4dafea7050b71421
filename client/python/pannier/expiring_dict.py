"""ExpiringDict: a dictionary whose entries are gone after a time, for one object or for all processes of the host.

    sessions = pannier.ExpiringDict(max_len=10_000, max_age_seconds=600, name="sessions")   # found by its name
    scratch = pannier.ExpiringDict(max_len=100, max_age_seconds=10)                         # private

The interface is that of the package expiringdict. With a `name` the entries are in the daemon, in a cache of that name
and tier `ttl`: every dictionary of that name on the host has the same ones, later processes find them again, and who
opens it last decides on length and age. Without, nobody else could reach them: they are in this object, end with it,
however its process ends, and a forked child goes on with a copy. What has expired gives its memory back when the
dictionary is used next; in the daemon it does within a second.

Both: an entry is never seen once it is older than `max_age_seconds`, in `len`, `keys` and loops neither. A full
dictionary drops the entry that was inserted first; overwriting one leaves its place as it is. A loop goes over what was
there when it began.

With a `name` alone:

- Keys are None, int, float, bool, str, bytes, and tuples of these; values are what the serializer takes. Others raise
  TypeError. Keys that are str are the daemon's keys as they are, for other programs. What is found is a copy.
- `pop`, `popitem` and `setdefault` are one step for all processes.
- Loops, `items` and `values` go in the order of the last writes, and take one request for each entry, some 20 us; `len`
  and `popitem` ask for all keys. Times are whole milliseconds.
- Errors of the client are raised (`pannier.TransportError` while the daemon is away): a write that is lost in silence
  would leave what was there before.

Neither is a `dict` by its type: `dict(d)` makes one.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, MutableMapping
from typing import Any, NoReturn, Optional

from pannier.expiring_stores import OwnStore, SharedStore, Store
from pannier.serializers import SerializerLike

__all__ = ["ExpiringDict"]

# Marks items with their times, as `__reduce__` gives them.
REDUCED = "reduce_result"


class ExpiringDict(MutableMapping[Any, Any]):
    """At most `max_len` entries, none older than `max_age_seconds`, which may be 0.

    `items` are put into it: a dict, or an ExpiringDict, whose entries keep their ages, and whose length and age count
    where those given are None. AssertionError: length or age are out of range. Thread-safe.

    With a `name`, every process of the host that gives this one has the same entries, which are in the daemon; without, they
    are in this object. `serializer` makes values of a named one bytes: see `pannier.serializers`. `help(pannier.expiring_dict)`
    tells how the two differ.
    """

    def __init__(
        self,
        max_len: Optional[int],
        max_age_seconds: Optional[float],
        items: Any = None,
        *,
        name: Optional[str] = None,
        serializer: SerializerLike = "msgpack",
    ) -> None:
        if isinstance(items, ExpiringDict):
            max_len = items.max_len if max_len is None else max_len
            max_age_seconds = items.max_age if max_age_seconds is None else max_age_seconds
        assert max_age_seconds is not None and max_age_seconds >= 0, "max_age_seconds is 0 or more"
        assert max_len is not None and max_len >= 1, "max_len is 1 or more"
        self._max_len = max_len
        self._max_age = max_age_seconds
        self._name = name
        self._serializer = serializer
        if name is None:
            self._store: Store = OwnStore(max_len, max_age_seconds)
        else:
            self._store = SharedStore(name, max_len, max_age_seconds, serializer)
        self._fill(items)

    @property
    def max_len(self) -> int:
        """How many entries it has at most."""
        return self._max_len

    @property
    def max_age(self) -> float:
        """How old an entry may be, in seconds."""
        return self._max_age

    @property
    def name(self) -> Optional[str]:
        """Of the cache in the daemon; None: it is private."""
        return self._name

    @property
    def lock(self) -> Any:
        """Reentrant. No other thread uses a private dictionary while it is held; one with a name does not heed it."""
        return self._store.lock

    def _fill(self, items: Any) -> None:
        if items is None:
            return
        if isinstance(items, ExpiringDict):
            items = (REDUCED, items.items_with_timestamp())
        if isinstance(items, dict):
            self.update(items)
        elif isinstance(items, tuple) and items[:1] == (REDUCED,):
            for key, (value, set_time) in items[1]:
                self.__setitem__(key, value, set_time)
        else:
            raise ValueError("items are a dict or an ExpiringDict")

    def __getitem__(self, key: Any, with_age: bool = False) -> Any:
        found = self._store.find(key, with_age)
        if found is None:
            raise KeyError(key)
        return (found.value, found.age) if with_age else found.value

    def __setitem__(self, key: Any, value: Any, set_time: Optional[float] = None) -> None:
        """`set_time`: when it was set, as time.time() tells it; None: now."""
        self._store.put(key, value, set_time)

    def __delitem__(self, key: Any) -> None:
        if self._store.take(key) is None:
            raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return self._store.find(key, False) is not None

    def __len__(self) -> int:
        return self._store.count()

    def __iter__(self) -> Iterator[Any]:
        return iter([key for key, _ in self._store.entries()])

    def __reversed__(self) -> Iterator[Any]:
        return reversed(list(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.items()!r})"

    def __ior__(self, other: Any) -> ExpiringDict:
        self.update(other)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """A private one is pickled with its entries, one with a name by that name."""
        if self.name is None:
            return type(self), (self.max_len, self.max_age, (REDUCED, self.items_with_timestamp()))
        shared = functools.partial(type(self), name=self.name, serializer=self._serializer)
        return shared, (self.max_len, self.max_age)

    def get(self, key: Any, default: Any = None, with_age: bool = False) -> Any:
        """The value or `default`; `with_age`: (value, seconds since it was set) or (default, None)."""
        try:
            return self.__getitem__(key, with_age)
        except KeyError:
            return (default, None) if with_age else default

    def pop(self, key: Any, default: Any = None) -> Any:
        """Removes the entry and gives its value; `default` if there is none."""
        found = self._store.take(key)
        return default if found is None else found.value

    def popitem(self, last: bool = True) -> tuple[Any, Any]:
        """Removes the youngest entry, or the oldest one, and gives it. KeyError: there is none."""
        while keys := list(self):
            key = keys[-1 if last else 0]
            found = self._store.take(key)
            if found is not None:
                return key, found.value
        raise KeyError("the dictionary is empty")

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """The value; if there is none, `default`, which is put there."""
        while True:
            found = self._store.find(key, False)
            if found is not None:
                return found.value
            if self._store.add(key, default):
                return default

    def clear(self) -> None:
        self._store.clear()

    def ttl(self, key: Any) -> Optional[float]:
        """Seconds until the entry is gone; None if there is none."""
        _, age = self.get(key, with_age=True)
        return self.max_age - age if age is not None and age < self.max_age else None

    def items(self) -> list[tuple[Any, Any]]:  # type: ignore[override]
        """A list of the pairs that are there."""
        return [(key, found.value) for key, found in self._store.entries()]

    def values(self) -> list[Any]:  # type: ignore[override]
        """A list of the values that are there."""
        return [found.value for _, found in self._store.entries()]

    def items_with_timestamp(self) -> list[tuple[Any, tuple[Any, float]]]:
        """(key, (value, when it was set)) of what is there, in the time of time.time()."""
        return [(key, (found.value, found.set_time())) for key, found in self._store.entries()]

    def copy(self) -> ExpiringDict:
        """A private copy, in which entries keep their ages."""
        return type(self)(None, None, self)

    def _refuse(self, *unused: object) -> NoReturn:
        """As expiringdict has it."""
        raise NotImplementedError

    fromkeys = iteritems = itervalues = viewitems = viewkeys = viewvalues = _refuse
