"""The one tree of errors, the same at every door.

    OutriderError
        InvalidConfigError        INVALID_CONFIG
        UnknownOperatorError      UNKNOWN_OPERATOR
        UnknownOperationError     UNKNOWN_OPERATION
        MissingRequirementError   MISSING_REQUIREMENT
        UnsupportedError          UNSUPPORTED
        UnauthenticatedError      UNAUTHENTICATED
        DeniedError               DENIED
        NotFoundError             NOT_FOUND
        ConflictError             CONFLICT
        PreconditionFailedError   PRECONDITION_FAILED
        LimitedError              LIMITED
        DeadlineExceededError     TIMEOUT
        ConnectionFailedError     CONNECTION_FAILED
        UnavailableError          UNAVAILABLE
        ExecutionFailedError      EXECUTION_FAILED
        PartialError              PARTIAL
        CancelledByCallerError    CANCELLED
        SandboxUnavailableError   SANDBOX_UNAVAILABLE
        OutcomeUnknownError       OUTCOME_UNKNOWN
        InternalError             INTERNAL

A code is part of the API: codes are added, never renamed. No exception of a third party crosses a port.
"""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self

import msgspec

MAX_SUGGESTIONS = 3
NEAR_NAME_RATIO = 0.6


class Code(msgspec.Struct, frozen=True):
    """What a code means to each kind of caller.

    Attributes:
        name: The code itself, upper case.
        http: Status of an HTTP answer that carries it.
        exit: Exit status of a command that ends with it.
        retryable: Whether the same request may succeed later without a change.
        meaning: One sentence for `outrider explain`.
    """

    name: str
    http: int
    exit: int
    retryable: bool
    meaning: str


CODES: dict[str, Code] = {
    code.name: code
    for code in (
        Code("INVALID_CONFIG", 400, 2, False, "the input does not fit the schema, the call form or the file format"),
        Code("UNKNOWN_OPERATOR", 404, 2, False, "no family has this name"),
        Code("UNKNOWN_OPERATION", 404, 2, False, "the family has no such operation"),
        Code("MISSING_REQUIREMENT", 501, 1, False, "an optional dependency, binary or capability is absent"),
        Code("UNSUPPORTED", 501, 1, False, "the target system cannot do it"),
        Code("UNAUTHENTICATED", 401, 4, False, "credentials are missing or not accepted"),
        Code("DENIED", 403, 5, False, "policy or the target's permissions refuse"),
        Code("NOT_FOUND", 404, 3, False, "the object does not exist"),
        Code("CONFLICT", 409, 5, False, "it exists already, belongs to another, or changed at the same time"),
        Code("PRECONDITION_FAILED", 412, 5, False, "the plan is stale: what it was made for has moved"),
        Code("LIMITED", 429, 7, True, "a rate, quota, concurrency or size limit is reached"),
        Code("TIMEOUT", 504, 7, True, "the deadline passed"),
        Code("CONNECTION_FAILED", 502, 7, True, "the target could not be reached"),
        Code("UNAVAILABLE", 503, 7, True, "the target answers that it cannot now"),
        Code("EXECUTION_FAILED", 500, 1, False, "the target did it and it failed"),
        Code("PARTIAL", 500, 1, False, "some targets are done and some are not"),
        Code("CANCELLED", 499, 130, False, "the caller gave up, or the program is shutting down"),
        Code("SANDBOX_UNAVAILABLE", 501, 1, False, "this machine cannot confine the plugin as strongly as demanded"),
        Code("OUTCOME_UNKNOWN", 500, 1, False, "the work was started and nobody can say how it ended"),
        Code("INTERNAL", 500, 1, False, "a fault of Outrider; the log has the full report under the trace id"),
    )
}


class ErrorBody(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The error object on the wire (JSON), the same at every door.

    `path` is a field such as `spec.triggers[0].config`, `source` a place such as `outrider.yaml:17:9`.
    `causes` holds the single faults, in file order, when there is more than one.
    """

    code: str
    message: str
    hint: str = ""
    suggestions: list[str] = []
    operator: str = ""
    operation: str = ""
    path: str = ""
    source: str = ""
    found: str = ""
    expected: str = ""
    context: dict[str, Any] = {}
    retryable: bool = False
    retry_after: float | None = None
    trace_id: str = ""
    causes: list["ErrorBody"] = []


class OutriderError(Exception):
    """Base of every error that a door may show.

    Args:
        message: What is wrong, naming the field or object.
        path: The field, in dotted form with indexes.
        source: `file:line:column` where the input came from a file.
        found: What was there.
        expected: What would have been right.
        suggestions: Up to three things the reader can do at once; the first one is the hint.
        retry_after: Seconds after which a retry makes sense.
        context: Further facts; never a secret.
        causes: The single faults behind this one, in file order.
    """

    code: ClassVar[str] = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        path: str = "",
        source: str = "",
        found: str = "",
        expected: str = "",
        suggestions: Sequence[str] = (),
        retry_after: float | None = None,
        context: dict[str, Any] | None = None,
        causes: Sequence["OutriderError"] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.source = source
        self.found = found
        self.expected = expected
        self.suggestions = list(suggestions)[:MAX_SUGGESTIONS]
        self.retry_after = retry_after
        self.context = context or {}
        self.causes = list(causes)
        self.operator = ""
        self.operation = ""
        self.trace_id = ""

    def about(self, what: str) -> Self:
        """Put before the message what it is about, and return the error."""
        self.message = f"{what}: {self.message}"
        self.args = (self.message,)
        return self

    @property
    def hint(self) -> str:
        """The first suggestion, for output on one line."""
        return self.suggestions[0] if self.suggestions else ""

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later without a change."""
        return CODES[self.code].retryable

    @property
    def exit_code(self) -> int:
        """Exit status of a command that ends with this error."""
        return CODES[self.code].exit

    def body(self) -> ErrorBody:
        """Return the error object for the wire."""
        return ErrorBody(
            code=self.code,
            message=self.message,
            hint=self.hint,
            suggestions=self.suggestions,
            operator=self.operator,
            operation=self.operation,
            path=self.path,
            source=self.source,
            found=self.found,
            expected=self.expected,
            context=self.context,
            retryable=self.retryable,
            retry_after=self.retry_after,
            trace_id=self.trace_id,
            causes=[cause.body() for cause in self.causes],
        )


class InvalidConfigError(OutriderError):
    """The input does not fit the schema, the call form or the file format."""

    code = "INVALID_CONFIG"


class UnknownOperatorError(OutriderError):
    """No family has this name."""

    code = "UNKNOWN_OPERATOR"


class UnknownOperationError(OutriderError):
    """The family has no such operation."""

    code = "UNKNOWN_OPERATION"


class MissingRequirementError(OutriderError):
    """An optional dependency, binary or capability is absent."""

    code = "MISSING_REQUIREMENT"


class UnsupportedError(OutriderError):
    """The target system cannot do it."""

    code = "UNSUPPORTED"


class UnauthenticatedError(OutriderError):
    """Credentials are missing or not accepted."""

    code = "UNAUTHENTICATED"


class DeniedError(OutriderError):
    """Policy or the target's permissions refuse."""

    code = "DENIED"


class NotFoundError(OutriderError):
    """The object does not exist."""

    code = "NOT_FOUND"


class ConflictError(OutriderError):
    """It exists already, belongs to another, or changed at the same time."""

    code = "CONFLICT"


class PreconditionFailedError(OutriderError):
    """The plan is stale: what it was made for has moved."""

    code = "PRECONDITION_FAILED"


class LimitedError(OutriderError):
    """A rate, quota, concurrency or size limit is reached."""

    code = "LIMITED"


class DeadlineExceededError(OutriderError):
    """The deadline passed."""

    code = "TIMEOUT"


class ConnectionFailedError(OutriderError):
    """The target could not be reached.

    `sent` says whether any byte of the request may have reached it: such a request is not repeated unless it is idempotent.
    """

    code = "CONNECTION_FAILED"
    sent: bool = False


class UnavailableError(OutriderError):
    """The target answers that it cannot now."""

    code = "UNAVAILABLE"


class ExecutionFailedError(OutriderError):
    """The target did it and it failed."""

    code = "EXECUTION_FAILED"


class PartialError(OutriderError):
    """Some targets are done and some are not."""

    code = "PARTIAL"


class CancelledByCallerError(OutriderError):
    """The caller gave up, or the program is shutting down."""

    code = "CANCELLED"


class SandboxUnavailableError(OutriderError):
    """This machine cannot confine the plugin as strongly as demanded."""

    code = "SANDBOX_UNAVAILABLE"


class OutcomeUnknownError(OutriderError):
    """The work was started and nobody can say how it ended."""

    code = "OUTCOME_UNKNOWN"


class InternalError(OutriderError):
    """A fault of Outrider; the log has the full report under the trace id."""

    code = "INTERNAL"


_BY_CODE: dict[str, type[OutriderError]] = {cls.code: cls for cls in OutriderError.__subclasses__()}


def from_body(body: ErrorBody) -> OutriderError:
    """Rebuild the exception from an error object that came over the wire; an unknown code becomes INTERNAL."""
    error = _BY_CODE.get(body.code, InternalError)(
        body.message,
        path=body.path,
        source=body.source,
        found=body.found,
        expected=body.expected,
        suggestions=body.suggestions,
        retry_after=body.retry_after,
        context=body.context,
        causes=[from_body(cause) for cause in body.causes],
    )
    error.operator, error.operation, error.trace_id = body.operator, body.operation, body.trace_id
    return error


def collected(faults: Sequence[OutriderError]) -> OutriderError:
    """Return one error for all faults: the first one's fields on top, all of them in `causes`, in file order."""
    first = faults[0]
    if len(faults) == 1:
        return first
    error = type(first)(
        first.message,
        path=first.path,
        source=first.source,
        found=first.found,
        expected=first.expected,
        suggestions=first.suggestions,
        retry_after=first.retry_after,
        context=first.context,
        causes=faults,
    )
    error.operator, error.operation, error.trace_id = first.operator, first.operation, first.trace_id
    return error


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three known names that resemble `name`, best first."""
    return difflib.get_close_matches(name, sorted(known), n=MAX_SUGGESTIONS, cutoff=NEAR_NAME_RATIO)


def did_you_mean(name: str, known: Iterable[str]) -> list[str]:
    """Return suggestions of the form `did you mean 'x'?`; where nothing is near, the list of what is known."""
    names = sorted(known)
    near = near_names(name, names)
    if near:
        return [f"did you mean '{candidate}'?" for candidate in near]
    return [f"use one of: {', '.join(names)}"] if names else []
