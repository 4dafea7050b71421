"""What a memoized function is, whether threads or tasks compute it: its cache, its keys, and what to do without the daemon.

The way of a call: the cache is asked without waiting. If it has the value, that is the result. If nobody computes it, the
answer is a lease: the caller computes and stores, which wakes the others. If somebody computes it, the cache is asked again,
and the caller waits, for as long as a lease lasts at most. Whoever has got neither value nor lease computes for itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from typing import Any, Optional

from pannier._types import NEVER, Duration
from pannier.absence import absence_of
from pannier.arguments import call_key
from pannier.config import ON_ERROR, default_on_error
from pannier.durations import milliseconds, seconds
from pannier.errors import InvalidArgument, PannierError, ShuttingDown, TooLarge, TransportError
from pannier.names import function_name
from pannier.serializers import SerializerLike, codec
from pannier.shared import AWAY

LEASE_DEFAULT_S = 10.0
LEASE_MAX_MS = 3_600_000
#: Why a result cannot be stored, through no fault of the program.
UNSTORED = (*AWAY, TooLarge)

logger = logging.getLogger("pannier")


class Memo:
    """Settings as `pannier.memoize` has them; what is wrong with them raises when the function is decorated."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        ttl: Optional[Duration],
        key: Optional[Callable[..., Hashable]],
        stale: Optional[Duration],
        name: Optional[str],
        on_error: Optional[str],
        typed: bool,
        lease: Duration,
        maxsize: Optional[int],
        serializer: SerializerLike,
    ) -> None:
        if on_error is not None and on_error not in ON_ERROR:
            raise InvalidArgument(f"on_error is 'compute' or 'raise', not {on_error!r}")
        if ttl is not None and ttl != NEVER:
            milliseconds(ttl, "ttl")
        if stale is not None:
            milliseconds(stale, "stale")
        if not 1 <= milliseconds(lease, "lease") <= LEASE_MAX_MS:
            raise InvalidArgument("lease is a millisecond to an hour")
        if key is not None and not callable(key):
            raise TypeError(f"key is a function of the arguments, not {type(key).__name__}")
        if maxsize is not None and not isinstance(maxsize, int):
            raise TypeError(f"maxsize is an int or None, not {type(maxsize).__name__}")
        if maxsize is not None and maxsize < 1:
            raise InvalidArgument("maxsize is 1 or more, or None")
        self.function = function
        self.ttl = ttl
        self.stale = stale
        self.lease_s = seconds(lease, "lease")
        self.maxsize = maxsize
        self.codec = codec(serializer)
        self._name = name
        self._key = key
        self._typed = typed
        self._on_error = on_error
        self._serializer = serializer if isinstance(serializer, str) else type(serializer)
        self._is_slow_told = False

    @property
    def name(self) -> str:
        """Of the cache. `Unidentified`: other processes could not know the function; then it needs a name."""
        if self._name is None:
            self._name = function_name(self.function, self._key, self._typed, self._serializer)
        return self._name

    @property
    def settings(self) -> dict[str, Any]:
        """With which the cache is opened."""
        return {} if self.maxsize is None else {"max_entries": self.maxsize}

    @property
    def raises(self) -> bool:
        """Whether callers see that the daemon is away."""
        return (self._on_error or default_on_error()) == "raise"

    def key_of(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
        """TypeError (`Unidentified`): other processes could not know an argument."""
        if self._key is None:
            return call_key(args, kwargs, self._typed)
        return call_key((self._key(*args, **kwargs),), {}, self._typed)

    @property
    def is_keyed_by_values(self) -> bool:
        """Whether calls without keywords have the same key where their arguments are equal."""
        return self._key is None and not self._typed

    def lets_ask(self, path: str) -> bool:
        """Whether to ask the daemon with this socket, or to do without it."""
        return self.raises or absence_of(path).lets_ask()

    def failed(self, path: str, error: PannierError, attempt_s: float) -> None:
        """Raises `error` if callers are to see it."""
        if isinstance(error, (TransportError, ShuttingDown)):
            absence_of(path).begin(error, attempt_s)
        if self.raises:
            raise error

    def answered(self, path: str) -> None:
        absence_of(path).end()

    def tell_unstored(self, took_s: float) -> None:
        """The lease was over when the result was there; it may be that another one has written or deleted the key."""
        if took_s >= self.lease_s and not self._is_slow_told:
            self._is_slow_told = True
            logger.warning(
                "%s took %.3g s, longer than its lease of %.3g s: others began meanwhile, and the result is not kept",
                self.function.__qualname__,
                took_s,
                self.lease_s,
            )
