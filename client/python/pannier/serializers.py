"""How values become the one MessagePack object that is stored, and back.

A serializer is chosen by name, for a client or a cache:

    "msgpack"  the default: MessagePack types as they are, readable from any language, and the ext types of
               `pannier.extensions` for tuples, sets, times, decimals, dataclasses ...; what has no exact form is refused
               with a TypeError
    "json"     JSON text
    "pickle"   everything that pickle takes; only for daemons to which nobody else can write, because whoever writes a
               value runs code where it is read

or is an object with `dumps(value) -> bytes` and `loads(bytes) -> value`. The bytes of all but the first are stored as a
MessagePack bin, but integers of 64 bits as themselves, so that `increment` works on them.
"""

from __future__ import annotations

import json
import pickle
from typing import Any, Protocol, Union, runtime_checkable

from pannier.errors import UnpackError
from pannier.extensions import message_pack, register

__all__ = ["Codec", "Serializer", "SerializerLike", "codec", "register"]


@runtime_checkable
class Serializer(Protocol):
    """What turns values into bytes, and back."""

    def dumps(self, value: Any, /) -> bytes: ...

    def loads(self, data: bytes, /) -> Any: ...


class Codec(Protocol):
    """Values to exactly one MessagePack object, and back."""

    def pack(self, value: Any, /) -> bytes: ...

    def unpack(self, packed: bytes, /) -> Any:
        """Raises UnpackError."""


SerializerLike = Union[str, Serializer]


class _BinCodec:
    """A serializer's bytes as a bin."""

    def __init__(self, serializer: Serializer) -> None:
        self._serializer = serializer

    def pack(self, value: Any) -> bytes:
        if type(value) is int and -(2**63) <= value < 2**63:
            return message_pack.pack(value)
        return message_pack.pack(bytes(self._serializer.dumps(value)))

    def unpack(self, packed: bytes) -> Any:
        stored = message_pack.unpack(packed)
        if type(stored) is int:
            return stored
        if type(stored) is not bytes:
            raise UnpackError("the value was not stored by this serializer")
        try:
            return self._serializer.loads(stored)
        except Exception as error:
            raise UnpackError(f"the serializer cannot read the value: {error}") from error


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


_BY_NAME: dict[str, Codec] = {"msgpack": message_pack, "json": _BinCodec(_Json()), "pickle": _BinCodec(_Pickle())}


def codec(serializer: SerializerLike) -> Codec:
    """The codec of a serializer, which is one of the names above, or an object with `dumps` and `loads`."""
    if isinstance(serializer, str) and serializer in _BY_NAME:
        return _BY_NAME[serializer]
    if isinstance(serializer, Serializer):
        return _BinCodec(serializer)
    raise TypeError(f"a serializer is {', '.join(map(repr, _BY_NAME))} or has dumps and loads, not {serializer!r}")
