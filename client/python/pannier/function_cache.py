"""The shared cache that belongs to one function: its name, its values' form, and what to do without it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Optional, TypeVar

from pannier.absence import absence_of
from pannier.atoms import Unidentified
from pannier.cache import Cache
from pannier.config import ON_ERROR, default_client, default_on_error
from pannier.errors import InvalidArgument, ShuttingDown, TransportError
from pannier.names import function_name
from pannier.serializers import SerializerLike, codec
from pannier.shared import AWAY, SharedCache
from pannier.unshared import MISSING, warn_unshared

T = TypeVar("T")

logger = logging.getLogger("pannier")


class FunctionCache:
    """Thread-safe. `parameters` of the decorator tell caches of one function apart, unless `name` is given; `settings`
    are those with which the cache is opened.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        parameters: tuple[object, ...],
        name: Optional[str],
        serializer: SerializerLike,
        on_error: Optional[str],
        **settings: Any,
    ) -> None:
        if on_error is not None and on_error not in ON_ERROR:
            raise InvalidArgument(f"on_error is 'compute' or 'raise', not {on_error!r}")
        self._function = function
        self._parameters = parameters
        self._name = name
        self._serializer = serializer
        self._on_error = on_error
        self._settings = settings
        self._is_warned = False
        self._is_refusal_told = False
        # MISSING: not known yet. None: other processes could not know this function.
        self._shared: Optional[SharedCache] = MISSING
        self.codec = codec(serializer)

    def shared(self) -> Optional[SharedCache]:
        """The cache; None: the function cannot be named. Not to be asked for before the first call: what the function
        closes over need not be there when it is decorated."""
        if self._shared is MISSING:
            self._shared = self._named()
        return self._shared

    def ask(self, work: Callable[[Cache], T], away: T) -> T:
        """What `work` does with the cache; `away` if there is none, or if the daemon is away and that is no error."""
        shared = self.shared()
        raises = (self._on_error or default_on_error()) == "raise"
        absence = absence_of(default_client().path)
        if shared is None or not (raises or absence.lets_ask()):
            return away
        started = time.monotonic()
        try:
            result = shared.do(work)
        except AWAY as error:
            if isinstance(error, (TransportError, ShuttingDown)):
                absence.begin(error, time.monotonic() - started)
            if raises:
                raise
            self._tell_refused(error)
            return away
        absence.end()
        return result

    def warn(self, what: str, reason: object) -> None:
        """The first time: that `what` of the function stays in this process."""
        if not self._is_warned:
            warn_unshared(what, self._function, reason)
            self._is_warned = True

    def _tell_refused(self, error: Exception) -> None:
        """Logs the first time that the daemon is there, but takes nothing; that it is away is logged elsewhere."""
        if not isinstance(error, (TransportError, ShuttingDown)) and not self._is_refusal_told:
            self._is_refusal_told = True
            logger.warning("the daemon refuses to cache for %s: %s", self._function, error)

    def _named(self) -> Optional[SharedCache]:
        try:
            serializer = self._serializer if isinstance(self._serializer, str) else type(self._serializer)
            name = self._name
            if name is None:
                name = function_name(self._function, *self._parameters, serializer)
        except Unidentified as reason:
            self.warn("all values", reason)
            return None
        return SharedCache(name, "lru", self.codec, **self._settings)
