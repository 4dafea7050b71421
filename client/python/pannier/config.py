"""What the whole process uses: the daemon's path, and one shared client."""

from __future__ import annotations

import os
import threading
from typing import Optional

from pannier.client import Client, connect
from pannier.errors import InvalidArgument

DEFAULT_PATH = "/run/pannier/pannier.sock"
ON_ERROR = ("compute", "raise")
SHARED_READS = ("auto", "always", "never")


class Settings:
    def __init__(self) -> None:
        self.path: Optional[str] = None
        self.on_error = "compute"
        self.shared_reads = "auto"
        self.client: Optional[Client] = None
        self.lock = threading.Lock()


#: For this package alone.
settings = Settings()


def configure(
    *,
    path: "str | os.PathLike[str] | None" = None,
    on_error: Optional[str] = None,
    shared_reads: Optional[str] = None,
) -> None:
    """Sets for this process what is given; the rest stays as it was. Thread-safe.

    `path` is the daemon's socket, before `$PANNIER_SOCKET` and the default path. `on_error` is what decorated functions
    do while the daemon is away, unless they say it themselves: "compute" (the default) or "raise". `shared_reads` is that of `pannier.connect`, for
    the client that they use: "auto" (the default), "always" or "never".
    """
    if on_error is not None and on_error not in ON_ERROR:
        raise InvalidArgument(f"on_error is 'compute' or 'raise', not {on_error!r}")
    if shared_reads is not None and shared_reads not in SHARED_READS:
        raise InvalidArgument(f"shared_reads is 'auto', 'always' or 'never', not {shared_reads!r}")
    with settings.lock:
        if on_error is not None:
            settings.on_error = on_error
        if shared_reads is not None:
            settings.shared_reads = shared_reads
            settings.client = None
        if path is not None:
            settings.path = os.fspath(path)
            settings.client = None


def default_path() -> str:
    """The socket that is used unless another is given: of `configure`, of `$PANNIER_SOCKET`, or the default."""
    return settings.path or os.environ.get("PANNIER_SOCKET") or DEFAULT_PATH


def default_on_error() -> str:
    """"compute" or "raise", as `configure` has set it."""
    return settings.on_error


def default_client() -> Client:
    """The one client that this process' decorators and drop-ins share; made at the first call. Thread-safe."""
    client = settings.client
    if client is not None:
        return client
    with settings.lock:
        if settings.client is None:
            settings.client = connect(default_path(), shared_reads=settings.shared_reads)
        return settings.client


def _renew_lock() -> None:
    # Another thread of the parent may have held it.
    settings.lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)
