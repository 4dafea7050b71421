"""Names of shared caches: 1 to 255 bytes of printable ASCII, the same in every process that means the same.

A function's cache is named after its module, its qualified name and a digest of what it is (see `pannier.identity`):
its code with the file that is from, its defaults, what it closes over. So two functions never share a cache by
accident, and a changed one starts afresh. Functions, methods and properties of different versions of Python do not
share either.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any

from pannier.atoms import Unidentified
from pannier.identity import identify

NAME_BYTES_MAX = 255
DIGEST_BYTES = 12


def function_name(function: Callable[..., Any], *parameters: object) -> str:
    """`module.qualname#digest`; `parameters` of its decorator go into the digest. `Unidentified`: two processes could
    not know whether they mean the same function, for example because it closes over an object of theirs.

    To be called when the function is, not when it is decorated: what it closes over may not be there before.
    """
    if isinstance(function, type):
        raise Unidentified(f"class {function.__qualname__} is no function, of which the code would tell what it makes")
    module = getattr(function, "__module__", None) or type(function).__module__
    qualname = getattr(function, "__qualname__", None) or type(function).__qualname__
    return _named(f"{module}.{qualname}", identify((function, parameters), exact=True))


def path_name(path: str | bytes | os.PathLike[Any]) -> str:
    """The absolute path, however it was given: percent-encoded where it is not printable ASCII, cut with a digest where
    it is long."""
    absolute = os.path.realpath(os.fsdecode(path))
    name = _printable(absolute)
    return name if len(name) <= NAME_BYTES_MAX else _named(absolute, os.fsencode(absolute))


def _named(words: str, identity: bytes) -> str:
    suffix = "#" + hashlib.blake2b(identity, digest_size=DIGEST_BYTES).hexdigest()
    return _printable(words)[: NAME_BYTES_MAX - len(suffix)] + suffix


def _printable(text: str) -> str:
    encoded = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if 0x20 <= byte < 0x7F and byte != 0x25 else f"%{byte:02X}" for byte in encoded)
