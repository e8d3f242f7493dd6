"""JSON of our types, in and out. All wire forms and stored documents go through here."""

import hashlib
import json
from collections.abc import Hashable
from functools import cache
from pathlib import PurePath
from typing import Any, TypeVar, cast

import msgspec

from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.quantities import QUANTITIES

T = TypeVar("T")


def _encode_custom(value: Any) -> Any:
    if isinstance(value, QUANTITIES):
        return str(value)
    if isinstance(value, OutriderError):
        return value.body()
    if isinstance(value, PurePath):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} has no JSON form")


def _decode_custom(target: type, value: Any) -> Any:
    if target in QUANTITIES:
        if isinstance(value, str):
            try:
                return target.parse(value)
            except InvalidConfigError as error:
                raise ValueError(error.message) from error  # msgspec adds the path to a ValueError only
        raise ValueError(f"Expected `str` such as {target.SCHEMA['examples'][0]}, got `{_json_type(value)}`")
    if issubclass(target, PurePath) and isinstance(value, str):
        return target(value)
    raise NotImplementedError(f"{target.__name__} has no JSON form")


def _json_type(value: Any) -> str:
    """Return the word that msgspec uses for the type of a JSON value."""
    name = type(value).__name__
    return {"NoneType": "null", "list": "array", "dict": "object"}.get(name, name)


_encoder = msgspec.json.Encoder(enc_hook=_encode_custom)
_canonical_encoder = msgspec.json.Encoder(enc_hook=_encode_custom, order="sorted")


@cache
def _decoder(target: Hashable) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(cast("Any", target), dec_hook=_decode_custom)


def encode(value: Any) -> bytes:
    """Return compact JSON."""
    return _encoder.encode(value)


def canonical(value: Any) -> bytes:
    """Return JSON with sorted keys and no white space: the form that digests are made of."""
    return _canonical_encoder.encode(value)


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical form, in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def decode(data: bytes | str, target: type[T]) -> T:
    """Read JSON into `target`, strictly.

    Raises:
        InvalidConfigError: The data is no JSON, or does not fit the type; the message names the path.
    """
    try:
        result: T = _decoder(cast("Hashable", target)).decode(data)
    except msgspec.DecodeError as error:
        fix = "correct the field that it names" if "`$" in str(error) else "correct the JSON at that place"
        raise InvalidConfigError(f"not the JSON expected here: {error}", suggestions=[fix]) from error
    except (UnicodeError, RecursionError) as error:
        raise InvalidConfigError(f"not JSON: {error}", suggestions=["send JSON in UTF-8"]) from error
    return result


def decode_plain(data: bytes | str) -> Any:
    """Read JSON into dicts, lists and scalars.

    Raises:
        InvalidConfigError: The data is no JSON.
    """
    return decode(data, cast("type[Any]", Any))


def decode_document(data: bytes) -> Any:
    """Read JSON that a person or a program sends as a document: as `decode_plain`, and no key may stand twice.

    Raises:
        InvalidConfigError: The data is no JSON, or an object names a key twice.
    """
    value = decode_plain(data)
    json.loads(data, object_pairs_hook=_unique_keys)
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidConfigError(
            f"the key {twice!r} is given twice in one object", path=twice, suggestions=[f"remove one {twice!r}"]
        )
    return found


def to_builtins(value: Any) -> Any:
    """Return plain dicts, lists and scalars, as JSON would hold them."""
    return msgspec.to_builtins(value, enc_hook=_encode_custom, str_keys=True)


def convert_strict(value: Any, target: Any) -> Any:
    """Convert plain data into `target`, strictly and up to the first fault; msgspec.ValidationError says which."""
    return msgspec.convert(value, target, strict=True, dec_hook=_decode_custom)
