"""What the answer to a JSON request means."""

from typing import TypeVar

import msgspec

from outrider.core import codec
from outrider.core.errors import (
    ConflictError,
    DeniedError,
    ErrorBody,
    ExecutionFailedError,
    InvalidConfigError,
    LimitedError,
    NotFoundError,
    OutriderError,
    PreconditionFailedError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
    from_body,
)
from outrider.core.http.messages import Response

T = TypeVar("T")
_BY_STATUS: dict[int, type[OutriderError]] = {
    400: InvalidConfigError,
    401: UnauthenticatedError,
    403: DeniedError,
    404: NotFoundError,
    409: ConflictError,
    412: PreconditionFailedError,
    429: LimitedError,
    501: UnsupportedError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}


class _Envelope(msgspec.Struct):
    error: ErrorBody


def read_answer(response: Response, target: type[T], call: str) -> T:
    """Return the body of a successful answer; an empty one counts as null.

    Args:
        response: An answer whose body is complete.
        target: Type of the JSON in it.
        call: Method and address, for errors.

    Raises:
        OutriderError: The one that the answer carries, or that follows from its status.
        ExecutionFailedError: It is no success, or does not fit `target`.
    """
    body = response.content
    if response.status >= 400:
        raise _error(response, body, call)
    if response.status >= 300:
        raise ExecutionFailedError(
            f"{call}: the server points elsewhere (status {response.status}), which is not followed",
            found=response.headers.get("location", "") or "",
            suggestions=["use the final address"],
        )
    try:
        return codec.decode(body or b"null", target)
    except InvalidConfigError as error:
        raise ExecutionFailedError(
            f"{call}: the answer (status {response.status}) does not fit: {error.message}",
            suggestions=["check that server and client are of the same version"],
        ) from error


def _error(response: Response, body: bytes, call: str) -> OutriderError:
    try:
        return from_body(codec.decode(body, _Envelope).error)
    except InvalidConfigError:
        kind = _BY_STATUS.get(response.status, ExecutionFailedError)
    after = response.headers.get("retry-after", "") or ""
    return kind(f"{call}: status {response.status}", retry_after=float(after) if after.isdecimal() else None)
