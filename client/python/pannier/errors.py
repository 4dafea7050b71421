"""What can go wrong, as exceptions.

A miss, a condition that did not hold and a wait that is over are no errors: methods answer `None` or `False` for
them.

    PannierError
      InvalidArgument      the call cannot be sent; nothing was (a ValueError too)
      ServerError          the daemon refused; nothing was changed, and the connection goes on
        BadRequest UnknownMethod UnknownCache TooLarge Conflict NotANumber Denied Overloaded OutOfMemory
        StorageError Unsupported ShuttingDown
      UnpackError          a value was read, but cannot be made into an object here (a ValueError too)
      TransportError       no answer came
        ConnectionError    cannot connect, or the connection ended (a builtin ConnectionError too)
        TimeoutError       the answer did not come in time (a builtin TimeoutError too)
        ProtocolError      the peer does not speak version 1 of the protocol
"""

from __future__ import annotations

import builtins

__all__ = [
    "BadRequest",
    "Conflict",
    "ConnectionError",
    "Denied",
    "InvalidArgument",
    "NotANumber",
    "OutOfMemory",
    "Overloaded",
    "PannierError",
    "ProtocolError",
    "ServerError",
    "ShuttingDown",
    "StorageError",
    "TimeoutError",
    "TooLarge",
    "TransportError",
    "UnknownCache",
    "UnknownMethod",
    "UnpackError",
    "Unsupported",
    "server_error",
]


class PannierError(Exception):
    """Every error of this package."""


class InvalidArgument(PannierError, ValueError):
    """An argument that could only make a broken request, or a client that is closed. Nothing was sent."""


class UnpackError(PannierError, ValueError):
    """A value was read, but not by the serializer that stored it, or its class is not there or has changed."""


class ServerError(PannierError):
    """The daemon refused: nothing was changed. `str()` is the daemon's own text, `code: words`."""

    @property
    def code(self) -> str:
        """The error's code, as PROTOCOL.md lists them: `unknown_cache`."""
        return str(self).partition(":")[0]


class BadRequest(ServerError):
    """Shape or type of a request, parameter or option is wrong."""


class UnknownMethod(ServerError):
    """The daemon has no such method: it is older than this package."""


class UnknownCache(ServerError, LookupError):
    """There is no cache of that name; `Client.cache` with a tier opens one."""


class TooLarge(ServerError):
    """A key, a value, a list of keys or a reply exceeds its limit (`Client.hello` tells them)."""


class Conflict(ServerError):
    """A cache of that name is there, with other settings."""


class NotANumber(ServerError):
    """`increment` of something that is no integer of 64 bits, or the sum does not fit."""


class Denied(ServerError):
    """This process may not do that."""


class Overloaded(ServerError):
    """A limit of what may go on at once is reached; the same request may succeed later."""


class OutOfMemory(ServerError):
    """The entry cannot fit, whatever is evicted; the old entry stays."""


class StorageError(ServerError):
    """The daemon's disk failed."""


class Unsupported(ServerError):
    """A cache of this tier cannot do that."""


class ShuttingDown(ServerError):
    """The daemon is about to end."""


class TransportError(PannierError):
    """No answer came; the connection was closed."""

    def __init__(self, text: str, may_have_run: bool = False) -> None:
        super().__init__(text)
        #: Whether the daemon may have executed the request nevertheless.
        self.may_have_run = may_have_run


class ConnectionError(TransportError, builtins.ConnectionError):  # noqa: A001 - as the builtin
    """The daemon cannot be reached, or has ended the connection. `errno` as in OSError; None where it ended it."""

    def __init__(self, text: str, may_have_run: bool = False, system_error: int = 0) -> None:
        super().__init__(text, may_have_run)
        # strerror stays None, so that str() is the text, which names the path.
        self.errno = system_error or None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type, tuple[str, bool, int]]:
        return type(self), (str(self), self.may_have_run, self.errno or 0)


class TimeoutError(TransportError, builtins.TimeoutError):  # noqa: A001 - as the builtin
    """The answer did not come in time; the request may have been executed."""


class ProtocolError(TransportError):
    """The peer does not speak version 1 of the protocol."""


_BY_CODE: dict[str, type[ServerError]] = {
    "bad_request": BadRequest,
    "unknown_method": UnknownMethod,
    "unknown_cache": UnknownCache,
    "too_large": TooLarge,
    "conflict": Conflict,
    "not_a_number": NotANumber,
    "denied": Denied,
    "overloaded": Overloaded,
    "out_of_memory": OutOfMemory,
    "storage": StorageError,
    "unsupported": Unsupported,
    "shutting_down": ShuttingDown,
}


def server_error(text: str) -> ServerError:
    """The exception for the error of a response; a code that is not known makes a plain ServerError."""
    return _BY_CODE.get(text.partition(":")[0], ServerError)(text)
