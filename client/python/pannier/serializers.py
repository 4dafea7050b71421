"""How values become the one MessagePack object that is stored, and back."""

from __future__ import annotations

import json
import pickle
from typing import Any, Protocol, Union, runtime_checkable

import msgpack


@runtime_checkable
class Serializer(Protocol):
    """What turns values into bytes; the bytes are stored as one MessagePack bin."""

    def dumps(self, value: Any, /) -> bytes: ...

    def loads(self, data: bytes, /) -> Any: ...


class Codec(Protocol):
    """Values to exactly one MessagePack object, and back."""

    def pack(self, value: Any, /) -> bytes: ...

    def unpack(self, packed: bytes, /) -> Any: ...


class MessagePackCodec:
    def pack(self, value: Any) -> bytes:
        return msgpack.packb(value)

    def unpack(self, packed: bytes) -> Any:
        return msgpack.unpackb(packed, strict_map_key=False)


class _BinCodec:
    def __init__(self, serializer: Serializer) -> None:
        self._serializer = serializer

    def pack(self, value: Any) -> bytes:
        return msgpack.packb(self._serializer.dumps(value))

    def unpack(self, packed: bytes) -> Any:
        return self._serializer.loads(msgpack.unpackb(packed))


class _Json:
    def dumps(self, value: Any) -> bytes:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class _Pickle:
    def dumps(self, value: Any) -> bytes:
        return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)

    def loads(self, data: bytes) -> Any:
        return pickle.loads(data)


SerializerLike = Union[str, Serializer]


def codec(serializer: SerializerLike) -> Codec:
    """The codec of a serializer: "msgpack", "json", "pickle", or an object with `dumps` and `loads`."""
    if serializer == "msgpack":
        return MessagePackCodec()
    if serializer == "json":
        return _BinCodec(_Json())
    if serializer == "pickle":
        return _BinCodec(_Pickle())
    if isinstance(serializer, Serializer):
        return _BinCodec(serializer)
    raise TypeError(f"a serializer is 'msgpack', 'json', 'pickle' or has dumps and loads, not {serializer!r}")
