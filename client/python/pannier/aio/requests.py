"""Arguments of Python as they go over the wire, and parts of results as they come back.

What cannot be sent raises TypeError or `InvalidArgument`, in words that name the argument.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgpack

from pannier import errors
from pannier._types import NEVER, Duration, Key
from pannier.durations import milliseconds
from pannier.info import SyncResult

NIL = 0xC0

# One Packer for all: it keeps its buffer, and leaves it empty when it fails.
_packer = msgpack.Packer(use_bin_type=True)
pack = _packer.pack

NO_OPTIONS: dict[str, Any] = {}


def frame(msgid: int, body: bytes) -> bytes:
    """A request; its msgid takes four bytes, so that every reply begins in the same way."""
    return b"\x94\x00\xce" + msgid.to_bytes(4, "big") + body


def notification(body: bytes) -> bytes:
    return b"\x93\x02" + body


def body(method: str, *packed: bytes, options: dict[str, Any] = NO_OPTIONS) -> bytes:
    """Method and params; `packed` has each of the positional ones as MessagePack."""
    if options:
        packed += (pack(options),)
    return pack(method) + packed_array(packed)


def packed_array(items: tuple[bytes, ...] | list[bytes]) -> bytes:
    return _packer.pack_array_header(len(items)) + b"".join(items)


def packed_key(key: Key, name: str = "key") -> bytes:
    if not isinstance(key, (str, bytes)):
        raise TypeError(f"{name} is str or bytes, not {type(key).__name__}")
    return pack(key)


def packed_keys(keys: Iterable[Key]) -> bytes:
    return packed_array([packed_key(key, "a key") for key in keys])


def check_one_object(packed: bytes) -> None:
    unpacker = msgpack.Unpacker(max_buffer_size=0)
    unpacker.feed(packed)
    try:
        unpacker.skip()
    except (ValueError, msgpack.UnpackException):
        pass
    else:
        if unpacker.tell() == len(packed):
            return
    raise errors.InvalidArgument("not exactly one MessagePack object: the value to put")


def ttl_option(options: dict[str, Any], ttl: Duration | None) -> None:
    """None leaves the deadline to the cache; NEVER: there is none."""
    if ttl is not None:
        options["ttl_ms"] = None if ttl == NEVER else milliseconds(ttl, "ttl")


def put_options(
    ttl: Duration | None = None,
    stale: Duration | None = None,
    keep_ttl: bool = False,
    if_absent: bool = False,
    if_present: bool = False,
    if_version: int | None = None,
    sync: bool = False,
) -> dict[str, Any]:
    options: dict[str, Any] = {}
    ttl_option(options, ttl)
    if stale is not None:
        options["stale_ms"] = milliseconds(stale, "stale")
    if keep_ttl:
        options["keep_ttl"] = True
    if if_absent + if_present + (if_version is not None) > 1:
        raise errors.InvalidArgument("if_absent, if_present and if_version exclude each other")
    if if_absent or if_present or if_version is not None:
        options["if"] = "absent" if if_absent else "present" if if_present else if_version
    if sync:
        options["sync"] = True
    return options


def unpack(packed: bytes) -> Any:
    """Of the daemon's own results, which hold no values of users."""
    return msgpack.unpackb(packed, strict_map_key=False)


def split_first(array: bytes) -> tuple[bytes, list[Any]]:
    """The first item as it is packed, and the others."""
    unpacker = msgpack.Unpacker(max_buffer_size=0)
    unpacker.feed(array)
    count = unpacker.read_array_header()
    start = unpacker.tell()
    unpacker.skip()
    return array[start : unpacker.tell()], [unpacker.unpack() for _ in range(count - 1)]


def split_values(array: bytes) -> list[bytes | None]:
    """Of an array of nil and [value] each value as it is packed."""
    unpacker = msgpack.Unpacker(max_buffer_size=0)
    unpacker.feed(array)
    values: list[bytes | None] = []
    for _ in range(unpacker.read_array_header()):
        start = unpacker.tell()
        unpacker.skip()
        # The array with one item around the value takes one byte.
        values.append(None if array[start] == NIL else array[start + 1 : unpacker.tell()])
    return values


def sync_result(fields: dict[str, int]) -> SyncResult:
    return SyncResult(fields["entries"], fields["bytes"], fields["duration_ms"] / 1000)
