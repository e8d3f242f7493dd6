"""Which forms and sizes a store takes; the same for every one."""

import json
import math
from collections.abc import Sequence
from typing import Any

from outrider.core.errors import ConflictError, InvalidConfigError, LimitedError
from outrider.sidecar.memory.model import Quota, Scope, Usage

MAX_NAME_BYTES = 256
# Two of them stand in one index entry, of which PostgreSQL takes 2,704 bytes.
MAX_KEY_BYTES = 1024
MAX_VALUE_BYTES = 4 << 20
MAX_BATCH, MAX_BATCH_BYTES = 1000, 16 << 20
MAX_LISTED, MAX_READ_BYTES = 1000, 32 << 20
MAX_WINDOW = 10_000
MAX_MATCHES = 256
MAX_DIMENSION = 4096
MAX_LABELS = 64
MAX_DEPTH = 100
MAX_TTL = 100 * 365 * 86_400.0
_SPLIT = ["split it, or keep it elsewhere and its address here"]


def check_scope(scope: Scope) -> None:
    """Check the names of a scope.

    Raises:
        InvalidConfigError: One is empty or no text.
        LimitedError: One is too long.
    """
    for field in ("tenant", "agent", "name"):
        text_bytes(getattr(scope, field), field, most=MAX_NAME_BYTES)


def text_bytes(text: str, what: str, *, most: int = MAX_KEY_BYTES) -> bytes:
    """Return a name or key in UTF-8, in which it is kept everywhere: NUL, too, is a character of it, and bytes sort by code point.

    Raises:
        InvalidConfigError: It is empty, or holds half of a surrogate pair.
        LimitedError: It is too long.
    """
    if not text:
        raise InvalidConfigError(f"{what}: empty", path=what, expected="a text")
    return _utf8(text, what, most)


def plain_bytes(text: str, what: str, *, most: int = MAX_KEY_BYTES) -> bytes:
    """Return the same of a text that may be empty, such as a prefix or the place to go on from."""
    return _utf8(text, what, most)


def _utf8(text: str, what: str, most: int) -> bytes:
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise InvalidConfigError(
            f"{what}: not Unicode text", path=what, found=str(error), expected="no lone surrogates"
        ) from error
    if len(data) > most:
        raise _too_large(what, len(data), most)
    return data


def json_bytes(value: Any, what: str, *, most: int = MAX_VALUE_BYTES) -> bytes:
    """Return a value as JSON.

    Raises:
        InvalidConfigError: It has no form in JSON that reads as the same again, such as a NaN.
        LimitedError: It is too large or too deep.
    """
    try:
        data = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except RecursionError as error:
        raise _too_deep(what) from error
    except (TypeError, ValueError) as error:
        raise InvalidConfigError(f"{what}: not JSON: {error}", path=what, expected="JSON, of finite numbers") from error
    if len(data) > most:
        raise _too_large(what, len(data), most)
    # Few brackets cannot be deep, and there is no need to walk through what has few.
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and _too_deeply(value):
        raise _too_deep(what)
    return data


def _too_deeply(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list | tuple)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def _too_deep(what: str) -> LimitedError:
    return LimitedError(f"{what}: too deep", path=what, expected=f"at most {MAX_DEPTH} levels", suggestions=_SPLIT)


def _too_large(what: str, size: int, most: int) -> LimitedError:
    return LimitedError(
        f"{what}: too large", path=what, found=f"{size} bytes", expected=f"at most {most} bytes", suggestions=_SPLIT
    )


def check_batch(sizes: list[int], what: str) -> None:
    """Check how much is written at once.

    Raises:
        LimitedError: It is too much.
    """
    if len(sizes) > MAX_BATCH or sum(sizes) > MAX_BATCH_BYTES:
        raise LimitedError(
            f"{what}: too many at once",
            path=what,
            found=f"{len(sizes)} of {sum(sizes)} bytes",
            expected=f"at most {MAX_BATCH} of {MAX_BATCH_BYTES} bytes",
            suggestions=["write them in several parts"],
        )


def check_distinct(ids: list[str], what: str) -> None:
    """Check that ids which are written at once differ.

    Raises:
        ConflictError: Two are the same.
    """
    if len(set(ids)) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise ConflictError(f"{what}: the same id twice", path=what, found=twice, expected="each id once")


def check_number(value: int | None, what: str, *, most: int, least: int = 1) -> None:
    """Check a number of things that are asked for.

    Raises:
        InvalidConfigError: It is out of range.
    """
    if value is not None and not least <= value <= most:
        raise InvalidConfigError(f"{what}: out of range", path=what, found=str(value), expected=f"{least} to {most}")


def readable(rows: Sequence[Any]) -> Any:
    """Return the last row, of those whose last field is a size, up to which they may be read at once; it is at least the first."""
    size = 0
    last = None
    for row in rows:
        size += row[-1]
        if last is not None and size > MAX_READ_BYTES:
            break
        last = row
    return last


def check_time(moment: float, what: str) -> None:
    """Check a time.

    Raises:
        InvalidConfigError: It is none: databases differ in what is before NaN, and for one that is all.
    """
    if not math.isfinite(moment):
        raise InvalidConfigError(
            f"{what}: not a time", path=what, found=str(moment), expected="seconds since the epoch"
        )


def expiry(ttl: float | None, now: float) -> float | None:
    """Return when something is gone that lives so many seconds.

    Raises:
        InvalidConfigError: It would not live, or for more than a hundred years.
    """
    if ttl is None:
        return None
    if not (math.isfinite(ttl) and 0 < ttl <= MAX_TTL):
        raise InvalidConfigError("ttl: out of range", path="ttl", found=str(ttl), expected=f"0 to {MAX_TTL:g} seconds")
    return now + ttl


def exceeds(quota: Quota, use: Usage, growth: Usage) -> bool:
    """Return whether a change leads above a quota; one that does not add to what is above it already is none of its business."""
    too_many = quota.entries is not None and growth.entries > 0 and use.entries + growth.entries > quota.entries
    too_large = quota.bytes is not None and growth.bytes > 0 and use.bytes + growth.bytes > quota.bytes
    return too_many or too_large


def quota_error(scope: Scope, quota: Quota, use: Usage) -> LimitedError:
    """Return what is raised where a change leads above a quota."""
    return LimitedError(
        f"memory '{scope.name}' of agent '{scope.agent}' would exceed its quota",
        found=f"{use.entries} entries of {use.bytes} bytes",
        expected=f"at most {_told(quota.entries)} entries of {_told(quota.bytes)} bytes",
        suggestions=["delete what is not needed", "shorten the memory's retention", "raise the memory's quota"],
        context={"quota": {"entries": quota.entries, "bytes": quota.bytes},
                 "usage": {"entries": use.entries, "bytes": use.bytes}},
    )  # fmt: skip


def _told(most: int | None) -> str:
    return "any number of" if most is None else str(most)
