"""Why a registry does not take what it is sent, in its own words."""

import re
from typing import Any, NamedTuple

import msgspec

from outrider.core.errors import (
    ConflictError,
    DeniedError,
    ExecutionFailedError,
    LimitedError,
    NotFoundError,
    OutriderError,
    UnauthenticatedError,
    UnavailableError,
)
from outrider.core.http.messages import Response
from outrider.operators.packages.texts import flattened

_LONGEST_REASON = 400
_LARGEST_REASON = 1 << 20
# Those who have no status of their own for it say it in words.
_TAKEN = re.compile(
    r"already (?:exists|been|uploaded)|previously published|is there already|never changes", re.IGNORECASE
)
_SAID_IN_WORDS = (400, 403, 422)
_WORDS = ("error", "message", "reason", "detail")


class _Kind(NamedTuple):
    error: type[OutriderError]
    expected: str
    remedy: str


_CONFLICT = _Kind(ConflictError, "a version that is not there yet", "publish it under a new version")
_NOWHERE = _Kind(NotFoundError, "an address that takes packages", "check the address of the registry")
_OTHER = _Kind(ExecutionFailedError, "status 200 or 201", "correct what it names, and build the file anew")
_KINDS = {
    401: _Kind(
        UnauthenticatedError, "credentials that may publish", "log in with the native client, with a token that needs no one-time password"
    ),
    403: _Kind(DeniedError, "the right to publish this name", "ask whoever owns the name for it"),
    404: _NOWHERE,
    405: _NOWHERE,
    409: _CONFLICT,
    413: _Kind(LimitedError, "a smaller file", "leave out what nobody needs, and build it anew"),
    429: _Kind(LimitedError, "fewer requests", "do it again later"),
}  # fmt: skip
_CANNOT = _Kind(
    UnavailableError, "an answer", "do it again later: what is there with the same content is left as it is"
)


def refusal(url: str, response: Response) -> OutriderError:
    """Return the error for an answer that does not take something, with the reason that is in it."""
    reason, status = reason_of(response), response.status
    kind = _KINDS.get(status, _CANNOT if status >= 500 else _OTHER)
    if status in _SAID_IN_WORDS and _TAKEN.search(reason):
        kind = _CONFLICT
    return kind.error(
        f"{url}: {reason or 'it was not taken'}", found=f"status {status}", expected=kind.expected, suggestions=[kind.remedy]
    )  # fmt: skip


def reason_of(response: Response) -> str:
    """Return why a registry does not take something, on one line: what its JSON or text says, else the words behind the status."""
    content = response.content[:_LARGEST_REASON]
    media = (response.headers.get("content-type") or "").partition(";")[0].strip().lower()
    said = ""
    if media.endswith("json"):
        try:
            said = _told(msgspec.json.decode(content))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            said = ""
    elif media == "text/plain":
        said = content.decode("utf-8", "replace")
    return flattened(said or response.reason or "")[:_LONGEST_REASON]


def _told(said: Any) -> str:
    """Return what JSON tells people: `errors` of Cargo's registries are a list of objects, others have a text."""
    if isinstance(said, dict):
        errors = said.get("errors")
        if isinstance(errors, list) and errors:
            return "; ".join(filter(None, map(_told, errors)))
        return next((_told(said[word]) for word in _WORDS if said.get(word)), "")
    return said if isinstance(said, str) else ""
