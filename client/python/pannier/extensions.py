"""Values that MessagePack has no types for: its ext types, as this package writes and reads them.

They are part of what is stored, by other releases and other programs too: codes and payloads stay as they are.
"array" and the like mean a payload that is itself one MessagePack object, in which these types may occur again.

    code  type                    payload
    80    tuple                   array of its items
    81    set                     array of its items, in the order of their bytes
    82    frozenset               the same
    83    int beyond 64 bits      two's complement, big-endian, as few bytes as hold it
    84    decimal.Decimal         its text
    85    datetime.datetime       [ISO 8601 text, fold, zone]
    86    datetime.date           its ISO 8601 text
    87    datetime.time           [ISO 8601 text, fold, zone]
    88    datetime.timedelta      [days, seconds, microseconds]
    89    uuid.UUID               16 bytes
    90    complex                 [real, imaginary]
    91    bytearray               its bytes
    92    str that is no Unicode  UTF-8, lone surrogates included
    93    dataclass               [name, {field: value, ...}]
    94    enum member             [name, member's name]
    95    named tuple             [name, [item, ...]]
    -1    datetime in UTC         MessagePack's timestamp

A zone is nil (none, or the offset in the text is all), a str (the key of a zoneinfo.ZoneInfo; the text has no offset
then), or [str] (the name of a datetime.timezone). Other kinds of tzinfo are refused.

The name of a class is "module:qualified name", or the one it was registered by (`register`). A value of it is made only
if its class is there already: no module is ever imported, and no code run, because of a name in a value.

What other programs store comes back as `msgpack.ExtType` (a code that is not in the table) and `msgpack.Timestamp` (one
that no datetime can be), and both can be stored. An `ExtType` whose code is in the table is refused (`InvalidArgument`):
it would come back as something else, or not at all.
"""

from __future__ import annotations

import copyreg
import dataclasses
import enum
import sys
import uuid
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any, Callable, Optional, TypeVar
from zoneinfo import ZoneInfo

import msgpack

from pannier._core import MessagePack
from pannier.errors import InvalidArgument, UnpackError

__all__ = ["message_pack", "register"]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_NANOSECONDS_MAX = 10**9
_OWN_CODES = range(80, 96)

C = TypeVar("C", bound=type)
#: Classes by name, and names by class, of those that are not found by module and qualified name.
_registered: dict[str, type] = {}
_names: dict[type, str] = {}


def register(kind: C, name: Optional[str] = None) -> C:
    """Lets values of a dataclass, enum or named tuple be stored by `name`, and found wherever it is registered too.

    For classes that are made inside functions, and for those that were renamed or are shared by programs that import
    them differently. Can be used as a decorator. `name` is "module:qualified name" unless given.
    """
    chosen = name or f"{kind.__module__}:{kind.__qualname__}"
    _registered[chosen] = kind
    _names[kind] = chosen
    return kind


def _name_of(kind: type) -> str:
    name = _names.get(kind)
    if name is not None:
        return name
    name = f"{kind.__module__}:{kind.__qualname__}"
    if _find(name) is not kind:
        raise TypeError(f"{name} is not found by that name: pannier.serializers.register it to store its values")
    return name


def _find(name: str) -> Optional[type]:
    """The class of that name, if it is there. Looks into dictionaries only: a module's `__getattr__` does not run."""
    if name in _registered:
        return _registered[name]
    module_name, _, path = name.partition(":")
    found: Any = sys.modules.get(module_name)
    for part in path.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    return found if isinstance(found, type) else None


def _class_of(name: str, is_kind: Callable[[type], bool], kind: str) -> Any:
    found = _find(name)
    if found is None:
        raise UnpackError(f"the value is a {kind}, {name}, whose class is not there: import or register it first")
    if not is_kind(found):
        raise UnpackError(f"the value is a {kind}, {name}, which is something else here")
    return found


def _is_dataclass(kind: type) -> bool:
    return dataclasses.is_dataclass(kind)


def _is_enum(kind: type) -> bool:
    return issubclass(kind, enum.Enum)


def _is_named_tuple(kind: type) -> bool:
    return issubclass(kind, tuple) and kind.__base__ is tuple and hasattr(kind, "_fields")


# ---- Times


def _zone_of(value: "datetime | time") -> Any:
    zone = value.tzinfo
    if type(zone) is ZoneInfo and zone.key is not None:
        return zone.key
    if type(zone) is timezone:
        named = zone.__getinitargs__()[1:]  # type: ignore[attr-defined]
        return list(named) or None
    if zone is None:
        return None
    raise TypeError(f"a time with a {type(zone).__qualname__} cannot be stored exactly: use timezone or ZoneInfo")


def _pack_time(value: "datetime | time") -> bytes:
    zone = _zone_of(value)
    text = value.replace(tzinfo=None).isoformat() if isinstance(zone, str) else value.isoformat()
    return message_pack.pack([text, value.fold, zone])


def _with_zone(value: Any, fold: int, zone: Any) -> Any:
    made: Optional[tzinfo] = value.tzinfo
    if isinstance(zone, str):
        made = ZoneInfo(zone)
    elif zone is not None:
        made = timezone(value.utcoffset(), zone[0])
    return value.replace(tzinfo=made, fold=fold)


def _pack_datetime(value: datetime) -> tuple[int, bytes]:
    if value.tzinfo is not timezone.utc or value.fold:
        return 85, _pack_time(value)
    since = value - _EPOCH
    return -1, msgpack.Timestamp(since.days * 86400 + since.seconds, since.microseconds * 1000).to_bytes()


def _unpack_timestamp(payload: bytes) -> Any:
    stamp = msgpack.Timestamp.from_bytes(payload)
    if stamp.nanoseconds % 1000 or stamp.nanoseconds >= _NANOSECONDS_MAX:
        return stamp
    try:
        return _EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanoseconds // 1000)
    except OverflowError:
        return stamp


# ---- Instances of classes


def _pack_dataclass(value: Any) -> bytes:
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return message_pack.pack([_name_of(type(value)), fields])


def _unpack_dataclass(name: str, fields: dict[str, Any]) -> Any:
    kind = _class_of(name, _is_dataclass, "dataclass")
    if [field.name for field in dataclasses.fields(kind)] != list(fields):
        raise UnpackError(f"the value is a {name} with the fields {list(fields)}, which has others here")
    made = object.__new__(kind)
    for field, value in fields.items():
        object.__setattr__(made, field, value)
    return made


def _unpack_member(name: str, member: str) -> Any:
    kind = _class_of(name, _is_enum, "enum member")
    if member not in kind.__members__:
        raise UnpackError(f"the value is {member} of the enum {name}, which has no such member here")
    return kind[member]


def _pack_member(value: enum.Enum) -> bytes:
    if type(value).__members__.get(value.name) is not value:
        raise TypeError(f"{value!r} has no name of its own, by which it could be stored")
    return message_pack.pack([_name_of(type(value)), value.name])


def _unpack_named_tuple(name: str, items: list[Any]) -> Any:
    kind = _class_of(name, _is_named_tuple, "named tuple")
    if len(kind._fields) != len(items):
        raise UnpackError(f"the value is a {name} of {len(items)} items, which has {len(kind._fields)} here")
    return tuple.__new__(kind, items)


# ---- Both ways


def _pack_ext(value: msgpack.ExtType) -> tuple[int, bytes]:
    if value.code in _OWN_CODES:
        raise InvalidArgument(f"ext types with the codes 80 to 95 are pannier's own: {value.code} cannot be stored")
    return value.code, value.data


def _pack_int(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


_PACK: dict[type, Callable[[Any], tuple[int, bytes]]] = {
    int: lambda value: (83, _pack_int(value)),
    Decimal: lambda value: (84, str(value).encode()),
    datetime: _pack_datetime,
    date: lambda value: (86, value.isoformat().encode()),
    time: lambda value: (87, _pack_time(value)),
    timedelta: lambda value: (88, message_pack.pack([value.days, value.seconds, value.microseconds])),
    uuid.UUID: lambda value: (89, value.bytes),
    complex: lambda value: (90, message_pack.pack([value.real, value.imag])),
    bytearray: lambda value: (91, bytes(value)),
    str: lambda value: (92, value.encode("utf-8", "surrogatepass")),
    msgpack.ExtType: _pack_ext,
    msgpack.Timestamp: lambda value: (-1, value.to_bytes()),
}

_UNPACK: dict[int, Callable[[bytes], Any]] = {
    83: lambda payload: int.from_bytes(payload, "big", signed=True),
    84: lambda payload: Decimal(payload.decode()),
    85: lambda payload: _unpack_time(datetime, payload),
    86: lambda payload: date.fromisoformat(payload.decode()),
    87: lambda payload: _unpack_time(time, payload),
    88: lambda payload: timedelta(*message_pack.unpack(payload)),
    89: lambda payload: uuid.UUID(bytes=payload),
    90: lambda payload: complex(*message_pack.unpack(payload)),
    91: bytearray,
    92: lambda payload: payload.decode("utf-8", "surrogatepass"),
    93: lambda payload: _unpack_dataclass(*message_pack.unpack(payload)),
    94: lambda payload: _unpack_member(*message_pack.unpack(payload)),
    95: lambda payload: _unpack_named_tuple(*message_pack.unpack(payload)),
    -1: _unpack_timestamp,
}


def _unpack_time(kind: Any, payload: bytes) -> Any:
    text, fold, zone = message_pack.unpack(payload)
    return _with_zone(kind.fromisoformat(text), fold, zone)


def _to_ext(value: Any) -> tuple[int, bytes]:
    kind = type(value)
    pack = _PACK.get(kind)
    if pack is not None:
        return pack(value)
    if _is_dataclass(kind):
        return 93, _pack_dataclass(value)
    if _is_enum(kind):
        return 94, _pack_member(value)
    if _is_named_tuple(kind):
        return 95, message_pack.pack([_name_of(kind), list(value)])
    raise TypeError(
        f"a {kind.__module__}.{kind.__qualname__} has no exact MessagePack form; another serializer may have one"
    )


def _from_ext(code: int, payload: bytes) -> Any:
    unpack = _UNPACK.get(code)
    if unpack is None:
        return msgpack.ExtType(code, payload)
    try:
        return unpack(payload)
    except UnpackError:
        raise
    except Exception as error:
        raise UnpackError(f"the value holds an ext of type {code} that cannot be read: {error}") from error


#: The codec of the default serializer.
message_pack: MessagePack = MessagePack(_to_ext, _from_ext)


def _message_pack() -> MessagePack:
    return message_pack


# There is one: what is pickled or copied with it finds it again.
copyreg.pickle(MessagePack, lambda _: (_message_pack, ()))
