"""What the API server says in place of what was asked for, as our errors."""

import re
from typing import Any

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import (
    ConflictError,
    DeniedError,
    ExecutionFailedError,
    InvalidConfigError,
    LimitedError,
    NotFoundError,
    OutriderError,
    UnauthenticatedError,
    UnavailableError,
)

GONE = 410
_OUR_FAULT = frozenset({400, 405, 413, 415, 422})
_BY_STATUS: dict[int, tuple[type[OutriderError], str]] = {
    401: (UnauthenticatedError, "log in again, or renew the token of the kubeconfig's user"),
    403: (DeniedError, "have a Role with this verb and resource bound to the caller"),
    429: (LimitedError, ""),
    **dict.fromkeys((500, 502, 503, 504), (UnavailableError, "")),
}
# Said with status 500 of a field that the kind does not have.
_UNTYPED = "failed to create typed patch object"
_OWNER = re.compile(r'conflict with "([^"]*)"')


class Cause(msgspec.Struct, rename="camel"):
    """One fault of several."""

    reason: str = ""
    message: str = ""
    field: str = ""


class Details(msgspec.Struct, rename="camel"):
    """What a status is about."""

    name: str = ""
    kind: str = ""
    causes: list[Cause] | None = None
    retry_after_seconds: int = 0


class Status(msgspec.Struct, rename="camel"):
    """A status (meta/v1), which stands in place of an object."""

    code: int = 0
    reason: str = ""
    message: str = ""
    details: Details | None = None


class ExpiredError(UnavailableError):
    """The server no longer knows a version, or the rest of a list: begin anew."""


class KindGoneError(NotFoundError):
    """The server has no such kind, or has it no longer."""


def read_status(body: bytes) -> Status:
    """Read a status; of a body that is none, what it says is the message."""
    try:
        return decode(body, Status)
    except InvalidConfigError:
        return Status(message=body[:300].decode(errors="replace").strip())


class _ErrorEvent(msgspec.Struct):
    object: Status


def read_error(line: bytes) -> Status:
    """Read what an event of type ERROR of a watch says.

    Raises:
        InvalidConfigError: It is none.
    """
    return decode(line, _ErrorEvent).object


def error_of(code: int, status: Status, call: str, *, retry_after: float | None = None) -> OutriderError:
    """Return the error for a status.

    Args:
        code: Of the answer.
        status: Its body.
        call: What was asked for, such as `PATCH Deployment shop/web`.
        retry_after: Seconds that the answer names.
    """
    details = status.details or Details()
    message = f"{call}: {status.message or f'status {code}'}"
    context: dict[str, Any] = {"reason": status.reason, "status": code}
    after = retry_after if retry_after is not None else (details.retry_after_seconds or None)
    if code == GONE:
        return ExpiredError(message, retry_after=after, context=context)
    if code == 404:
        return _missing(message, status, details, context)
    if code == 409:
        return _conflict(message, details, context)
    if code in _OUR_FAULT or _UNTYPED in status.message:
        return _refused(message, details, context)
    kind, remedy = _BY_STATUS.get(code, (ExecutionFailedError, ""))
    return kind(message, retry_after=after, context=context, suggestions=[remedy] if remedy else [])


def _missing(message: str, status: Status, details: Details, context: dict[str, Any]) -> NotFoundError:
    # Of an object that is not there the server says its name; of a kind or group that it does not know, nothing.
    if not details.name and (not status.reason or "could not find the requested resource" in status.message):
        return KindGoneError(
            message, context=context, suggestions=["install its CustomResourceDefinition, or correct group and version"]
        )
    return NotFoundError(message, context=context)


def _conflict(message: str, details: Details, context: dict[str, Any]) -> ConflictError:
    owners = [
        {"manager": match[1], "field": cause.field}
        for cause in details.causes or ()
        if (match := _OWNER.search(cause.message)) is not None
    ]
    if not owners:
        return ConflictError(message, context=context)
    shown = ", ".join(f"{owner['field']} ({owner['manager']})" for owner in owners)
    return ConflictError(
        f"{message.split(': ', 1)[0]}: fields that belong to others: {shown}", context={**context, "owners": owners}, found=shown,
        expected="fields that nobody else manages",
        suggestions=["leave these fields to their manager", "take them over: force"],
    )  # fmt: skip


def _refused(message: str, details: Details, context: dict[str, Any]) -> InvalidConfigError:
    causes = [
        InvalidConfigError(f"{cause.field}: {cause.message}" if cause.field else cause.message, path=cause.field)
        for cause in details.causes or ()
    ]
    return InvalidConfigError(
        message, context=context, path=causes[0].path if causes else "", causes=causes if len(causes) > 1 else ()
    )
