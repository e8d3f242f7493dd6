"""What is given to a store, checked and in the forms in which every store keeps it."""

import json
import math
import os
from array import array
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from outrider.core.errors import InvalidConfigError, LimitedError
from outrider.core.identifiers import time_ordered
from outrider.sidecar.llm.usage import BYTES_PER_TOKEN
from outrider.sidecar.memory.limits import (
    MAX_DIMENSION,
    MAX_LABELS,
    MAX_NAME_BYTES,
    MAX_VALUE_BYTES,
    check_batch,
    check_distinct,
    check_number,
    check_time,
    json_bytes,
    plain_bytes,
    text_bytes,
)
from outrider.sidecar.memory.model import Entry, Item, Message, Metadata
from outrider.sidecar.memory.turns import is_call, is_result

MAX_METADATA_BYTES = 16 << 10
# How many an export reads at once.
EXPORT_ROWS = 100
# Squares of smaller or larger ones are no 32-bit floats any more.
_LEAST_NORM, _MOST_NORM = 1e-15, 1e15
_ROUNDING = 1e-6
_MOST_TOKENS = 10**9
_LABEL_BYTES = 16


class MessageRecord(NamedTuple):
    """A message on its way into a store."""

    message: Message
    id: bytes
    role: bytes
    content: bytes
    size: int
    result: bool
    call: bool


class ItemRecord(NamedTuple):
    """An item on its way into a store.

    Attributes:
        norm: Length of the vector.
        labels: One for each of its metadata.
    """

    id: bytes
    text: bytes
    metadata: bytes
    vector: "array[float]"
    norm: float
    labels: list[bytes]
    size: int


def message_records(messages: Sequence[Message], now: float) -> list[MessageRecord]:
    """Return messages as they are stored.

    Raises:
        InvalidConfigError: One has no such form.
        LimitedError: One is too large, or there are too many.
        ConflictError: Two have the same id.
    """
    records = [_message_record(message, now) for message in messages]
    check_batch([record.size for record in records], "messages")
    check_distinct([record.message.id for record in records], "messages")
    return records


def _message_record(message: Message, now: float) -> MessageRecord:
    content = json_bytes(message.content, "content")
    check_number(message.tokens, "tokens", least=0, most=_MOST_TOKENS)
    check_time(message.time, "time")
    stored = msgspec.structs.replace(
        message,
        id=message.id or time_ordered(now, os.urandom(10)),
        tokens=message.tokens or max(1, len(content) // BYTES_PER_TOKEN),
        time=message.time or now,
    )
    ident, role = text_bytes(stored.id, "id"), text_bytes(stored.role, "role", most=MAX_NAME_BYTES)
    size = len(ident) + len(role) + len(content)
    return MessageRecord(stored, ident, role, content, size, is_result(message), is_call(message))


def item_records(items: Sequence[Item]) -> list[ItemRecord]:
    """Return items as they are stored, all of one dimension.

    Raises:
        InvalidConfigError: One has no such form, or another dimension than the others.
        LimitedError: One is too large, or there are too many.
        ConflictError: Two have the same id.
    """
    records = [_item_record(item) for item in items]
    check_batch([record.size for record in records], "items")
    check_distinct([item.id for item in items], "items")
    for record in records:
        check_dimension(len(record.vector), len(records[0].vector))
    return records


def _item_record(item: Item) -> ItemRecord:
    ident, text = text_bytes(item.id, "id"), plain_bytes(item.text, "text", most=MAX_VALUE_BYTES)
    metadata = json_bytes(item.metadata, "metadata", most=MAX_METADATA_BYTES)
    vector, norm = floats(item.vector)
    size = len(ident) + len(text) + len(metadata) + len(vector) * vector.itemsize
    return ItemRecord(ident, text, metadata, vector, norm, labels(item.metadata), size)


def floats(vector: Sequence[float]) -> "tuple[array[float], float]":
    """Return a vector as 32-bit floats, and its length.

    Raises:
        InvalidConfigError: It has no direction, or too many dimensions.
    """
    if not 1 <= len(vector) <= MAX_DIMENSION:
        raise InvalidConfigError(
            "vector: dimension out of range", path="vector", found=str(len(vector)), expected=f"1 to {MAX_DIMENSION}"
        )
    packed = array("f", vector)
    norm = math.hypot(*packed)
    if not _LEAST_NORM < norm < _MOST_NORM:  # NaN is neither
        raise InvalidConfigError(
            "vector: it has no direction",
            path="vector",
            found=f"length {norm}",
            expected="finite numbers, not all zero",
        )
    # Most models give vectors of length 1, as far as 32 bits tell: such a one stays as it is.
    return packed, 1.0 if abs(norm - 1) < _ROUNDING else norm


def unit(vector: "array[float]", norm: float) -> "array[float]":
    """Return a vector of the same direction and of length 1."""
    return vector if norm == 1.0 else array("f", [value / norm for value in vector])


def check_dimension(found: int, expected: int) -> None:
    """Check that a vector fits a memory.

    Raises:
        InvalidConfigError: It has another dimension.
    """
    if found != expected:
        raise InvalidConfigError(
            f"vector: {found} dimensions, and this memory has {expected}", path="vector", found=str(found), expected=str(expected),
            suggestions=["embed with the model that the memory began with", "delete all of the memory and write it anew"],
        )  # fmt: skip


def labels(metadata: Mapping[str, Any]) -> list[bytes]:
    """Return what stands for each of an item's metadata where it is looked for: the same bytes for the same key and value.

    Raises:
        InvalidConfigError: A value is no text, number or boolean.
        LimitedError: There are too many.
    """
    if len(metadata) > MAX_LABELS:
        raise LimitedError("metadata: too many", path="metadata", found=str(len(metadata)), expected=str(MAX_LABELS))
    return [blake2b(_canonical(key, value), digest_size=_LABEL_BYTES).digest() for key, value in metadata.items()]


def _canonical(key: str, value: Any) -> bytes:
    if not isinstance(value, str | int | float):
        raise InvalidConfigError(
            f"metadata.{key}: neither text, number nor boolean", path="metadata", found=type(value).__name__
        )
    # 1 and 1.0 are the same number to whoever wrote it as JSON; true is none.
    whole = isinstance(value, float) and value.is_integer()
    return json_bytes([key, int(value) if whole else value], f"metadata.{key}", most=MAX_METADATA_BYTES)


def after_prefix(prefix: bytes) -> bytes:
    """Return what is behind all that begins with a prefix of UTF-8, in which the byte 0xFF never stands."""
    return prefix[:-1] + bytes([prefix[-1] + 1]) if prefix else b"\xff"


def message_from(ident: bytes, role: bytes, content: bytes, *, tokens: int, time: float) -> Message:
    """Return a message that was stored."""
    return Message(id=ident.decode(), role=role.decode(), content=json.loads(content), tokens=tokens, time=time)


def entry_from(key: bytes, value: bytes, version: int, expires: float | None) -> Entry:
    """Return an entry that was stored."""
    return Entry(key=key.decode(), value=json.loads(value), version=version, expires=expires)


def metadata_from(data: bytes) -> Metadata:
    """Return metadata that were stored."""
    metadata: Metadata = json.loads(data)
    return metadata


def exported(kind: str, record: msgspec.Struct, **more: Any) -> dict[str, Any]:
    """Return a record of an export."""
    return {"type": kind, **more, **msgspec.structs.asdict(record)}
