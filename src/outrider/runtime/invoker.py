"""The one way in which operations run, whatever door they were called through.

    normalise -> load -> validate -> policy -> limits -> plan | run with deadline and retry -> result checked -> audit

Changes have an intent record before and an outcome record after, both on disk; reads have one record. A change whose
intent cannot be recorded does not happen.
"""

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import msgspec

from outrider.core.audit import AuditEntry
from outrider.core.calls import Call, normalise
from outrider.core.codec import encode, to_builtins
from outrider.core.errors import (
    CODES,
    DeadlineExceededError,
    DeniedError,
    ExecutionFailedError,
    InternalError,
    NotFoundError,
    OutriderError,
)
from outrider.core.identity import Principal
from outrider.core.machines.backoff import delay
from outrider.core.operation import Change, Effect
from outrider.core.policy import AccessRequest, Decision, PolicyRule, Verdict, decide_all, denied
from outrider.core.registry import Registry
from outrider.core.schema import convert
from outrider.core.trace import new_trace_id
from outrider.ports.telemetry import logger, span
from outrider.runtime.audit import AuditLog
from outrider.runtime.context import Context, Environment, Mode
from outrider.runtime.implementation import Operation, load_operation
from outrider.runtime.limits import Limiter

RETRY_BASE = 0.2
RETRY_CAP = 5.0
RECORDED_TEXT = 1000
SHOWN_TARGETS = 20
_log = logger(__name__)


class CallOptions(msgspec.Struct, kw_only=True, frozen=True):
    """What a door says about a call besides its name and parameters.

    Attributes:
        owner: The caller holds the platform's token file, or is the local user without a platform.
        granted: An applied object names this very operation.
        approved: A person approved this call.
        timeout: Seconds; the operation's own if absent.
        preconditions: Facts from a plan that must still hold.
    """

    principal: Principal
    owner: bool = False
    granted: bool = False
    approved: bool = False
    timeout: float | None = None
    trace_id: str = ""
    idempotency_key: str = ""
    attempt: int = 1
    preconditions: dict[str, Any] = {}


class Invocation(msgspec.Struct, frozen=True):
    """A call that is checked and ready to be planned or run."""

    operation: Operation
    params: Any
    effect: Effect
    targets: tuple[str, ...]
    options: CallOptions

    @property
    def target(self) -> str:
        """What it acts on, in one line."""
        shown = ", ".join(self.targets[:SHOWN_TARGETS])
        more = len(self.targets) - SHOWN_TARGETS
        return f"{shown} and {more} more" if more > 0 else shown


class Invoker:
    """Runs operations in this process.

    Args:
        registry: What is callable.
        environment: The outside world.
        audit: Where calls are recorded.
        policies: Who may do what; the owner needs none.
    """

    def __init__(
        self, registry: Registry, environment: Environment, audit: AuditLog, policies: Sequence[PolicyRule] = ()
    ) -> None:
        self.registry = registry
        self.environment = environment
        self.policies = policies
        self._audit = audit
        self._limiter = Limiter()
        self._noted: set[str] = set()

    async def call(self, name: str, *arguments: Any, options: CallOptions) -> Any:
        """Run an operation, written in any call form, and return its result.

        Raises:
            OutriderError: With operator, operation and trace id filled in.
        """
        return await self.run(normalise(self.registry, name, arguments), options)

    async def run(self, call: Call, options: CallOptions) -> Any:
        """Run a normalised call and return its result."""
        return await self._attempted(call, options, "apply")

    async def plan(self, call: Call, options: CallOptions) -> Change:
        """Find out what a call would change, and change nothing."""
        result: Change = await self._attempted(call, options, "plan")
        return result

    def prepare(self, call: Call, options: CallOptions) -> Invocation:
        """Load and validate a call without judging or running it.

        Raises:
            OutriderError: With operator, operation and trace id filled in.
        """
        try:
            self._note_origin(call, options.principal)
            operation = load_operation(self.registry, call.family, call.operation)
            params = convert(call.params, operation.code.params, base=())
        except OutriderError as error:
            raise _located(error, call, options.trace_id or new_trace_id()) from error.__cause__
        return Invocation(operation, params, operation.effect(params), operation.code.targets(params), options)

    def _note_origin(self, call: Call, principal: Principal) -> None:
        """Record that code of another author is loaded, once in this process."""
        family, _ = self.registry.family(call.family)
        if family.origin and family.name not in self._noted:
            by = f"{principal.kind}:{principal.name}"
            self._audit.append(AuditEntry(phase="fact", principal=by, action="family.load", target=family.origin))
            self._noted.add(family.name)

    def decide(self, invocation: Invocation) -> Decision:
        """Return what the policies say of a prepared call."""
        return decide_all(self.policies, _access_requests(invocation))[0]

    async def _attempted(self, call: Call, options: CallOptions, mode: Mode) -> Any:
        trace_id = options.trace_id or new_trace_id()
        options = msgspec.structs.replace(options, trace_id=trace_id)
        try:
            invocation = self.prepare(call, options)
            self._authorise(invocation)
            with self._limiter.call(call.name), span(call.name, {"outrider.mode": mode}, trace_id=trace_id):
                return await (self._planned(invocation) if mode == "plan" else self._recorded(invocation))
        except OutriderError as error:
            raise _located(error, call, trace_id) from error.__cause__

    def _authorise(self, invocation: Invocation) -> None:
        decision, request = decide_all(self.policies, _access_requests(invocation))
        if decision.verdict is Verdict.ALLOW or (
            decision.verdict is Verdict.REQUIRE_APPROVAL and invocation.options.approved
        ):
            return
        if decision.verdict is Verdict.REQUIRE_APPROVAL:
            groups = ", ".join(decision.approval.groups) if decision.approval else ""
            error = DeniedError(
                f"{request.operation} waits for an approval: Policy/{decision.policy} asks for one",
                expected=f"an approval from {groups}",
                suggestions=["run it through the platform, which asks the approvers"],
            )
        else:
            error = denied(request, decision)
        self._audit.append(self._entry(invocation, "outcome", error.code))
        raise error

    async def _planned(self, invocation: Invocation) -> Change:
        plan = invocation.operation.code.plan
        if not invocation.effect.changes:
            return Change(target=invocation.target)
        if plan is None:
            return Change(target=invocation.target, warnings=[_untold(invocation, self.environment.secrets.mask)])
        async with _deadline(invocation) as seconds:
            with _system_errors(invocation):
                change: Change = await plan(invocation.params, self._context(invocation, "plan", 1, self._end(seconds)))
        return change

    async def _recorded(self, invocation: Invocation) -> Any:
        if invocation.effect.changes:
            await self._record_intent(invocation)
        outcome = "INTERNAL"
        try:
            result = await self._retried(invocation)
            outcome = "ok"
        except asyncio.CancelledError:
            outcome = "CANCELLED"
            raise
        except OutriderError as error:
            outcome = error.code
            raise
        finally:
            entry = self._entry(invocation, "outcome", outcome)
            if invocation.effect.changes:
                await asyncio.shield(self._audit.append_synced(entry))
            else:
                self._audit.append(entry)
        return result

    async def _record_intent(self, invocation: Invocation) -> None:
        appending = asyncio.ensure_future(self._audit.append_synced(self._entry(invocation, "intent", "")))
        try:
            await asyncio.shield(appending)
        except asyncio.CancelledError:  # the thread writes on, and an intent alone would mean an unknown outcome
            await appending
            await self._audit.append_synced(self._entry(invocation, "outcome", "CANCELLED"))
            raise

    async def _retried(self, invocation: Invocation) -> Any:
        declaration = invocation.operation.declaration
        repeatable = not invocation.effect.changes or declaration.idempotent
        async with _deadline(invocation) as seconds:
            attempt, end = invocation.options.attempt, self._end(seconds)
            while True:
                try:
                    return await self._once(invocation, attempt, end)
                except OutriderError as error:
                    failures = attempt - invocation.options.attempt + 1
                    if not (repeatable and CODES[error.code].retryable) or failures >= declaration.attempts:
                        raise
                    chance = secrets.randbelow(1000) / 1000
                    pause = error.retry_after or delay(failures, base=RETRY_BASE, cap=RETRY_CAP, chance=chance)
                    await self.environment.clock.sleep(pause)
                    attempt += 1

    def _end(self, seconds: float) -> float:
        return self.environment.clock.monotonic() + seconds

    async def _once(self, invocation: Invocation, attempt: int, end: float) -> Any:
        code = invocation.operation.code
        with _system_errors(invocation):
            result = await code.run(invocation.params, self._context(invocation, "apply", attempt, end))
        if not isinstance(result, code.result):
            raise InternalError(
                f"{invocation.operation.name}: the result has the wrong type",
                found=type(result).__name__,
                expected=code.result.__name__,
            )
        return result

    def _context(self, invocation: Invocation, mode: Mode, attempt: int, end: float) -> Context:
        options = invocation.options
        return Context(
            principal=options.principal,
            mode=mode,
            deadline=end,
            trace_id=options.trace_id,
            idempotency_key=options.idempotency_key or options.trace_id,
            attempt=attempt,
            environment=self.environment,
            preconditions=options.preconditions,
        )

    def _entry(self, invocation: Invocation, phase: str, outcome: str) -> AuditEntry:
        principal = invocation.options.principal
        mask = self.environment.secrets.mask
        told_already = phase == "outcome" and invocation.effect.changes
        return AuditEntry(
            phase=phase,
            principal=f"{principal.kind}:{principal.name}",
            action=invocation.operation.name,
            target=mask(invocation.target),
            outcome=outcome,
            trace_id=invocation.options.trace_id,
            details={} if told_already else {"params": _recordable(to_builtins(invocation.params), mask)},
        )


def _untold(invocation: Invocation, mask: Callable[[str], str]) -> str:
    """Return what stands in place of a plan: what is called, as whoever says yes has nothing else to judge by."""
    params = _recordable(to_builtins(invocation.params), mask)
    given = encode({name: value for name, value in params.items() if value not in ("", [], None)}).decode()
    return f"what it will change cannot be told beforehand; it is called with {given[:RECORDED_TEXT]}"


def _recordable(value: Any, mask: Callable[[str], str]) -> Any:
    """Return parameters without secrets, and with the beginning and digest of a long text in its place."""
    if isinstance(value, str):
        text = mask(value)
        if len(text) <= RECORDED_TEXT:
            return text
        digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{text[:RECORDED_TEXT]}… ({len(value)} characters, sha256 {digest})"
    if isinstance(value, dict):
        return {key: _recordable(item, mask) for key, item in value.items()}
    return [_recordable(item, mask) for item in value] if isinstance(value, list) else value


@contextmanager
def _system_errors(invocation: Invocation) -> Iterator[None]:
    """Turn what the system or a fault of the operation raises into an error of ours."""
    try:
        yield
    except OSError as error:
        raise _from_os(invocation, error) from error
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError) as error:
        _log.exception("operation failed", extra={"operation": invocation.operation.name})
        raise InternalError(f"{invocation.operation.name}: {type(error).__name__}; the log has the report") from error


@asynccontextmanager
async def _deadline(invocation: Invocation) -> AsyncIterator[float]:
    """Bound a block in time, and tell it how many seconds it has."""
    seconds = _timeout(invocation)
    try:
        async with asyncio.timeout(seconds) as limit:
            yield seconds
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise DeadlineExceededError(
            f"{invocation.operation.name}: not done within {seconds:g} s",
            expected=f"an end within {seconds:g} s",
            suggestions=["give a longer timeout"],
        ) from error


def _timeout(invocation: Invocation) -> float:
    declaration = invocation.operation.declaration
    return min(invocation.options.timeout or declaration.timeout, declaration.max_timeout)


def _access_requests(invocation: Invocation) -> list[AccessRequest]:
    options = invocation.options
    params = to_builtins(invocation.params) if not options.owner else {}
    return [
        AccessRequest(
            principal=options.principal,
            operation=invocation.operation.name,
            effect=invocation.effect,
            target=target,
            params=params,
            granted=options.granted,
            owner=options.owner,
        )
        for target in invocation.targets
    ]


def _from_os(invocation: Invocation, error: OSError) -> OutriderError:
    """Translate what the operating system refused; the file it names stays named."""
    named = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes | os.PathLike) else ""
    text = f"{invocation.operation.name}: {error.strerror or error}" + (f": {named}" if named else "")
    if isinstance(error, TimeoutError):
        return DeadlineExceededError(text, found=str(named), suggestions=["give a longer timeout"])
    if isinstance(error, FileNotFoundError):
        return NotFoundError(text, found=str(named), suggestions=["check the path"])
    if isinstance(error, PermissionError):
        return DeniedError(text, found=str(named), suggestions=["check owner and mode of the path"])
    return ExecutionFailedError(text, found=str(named))


def _located(error: OutriderError, call: Call, trace_id: str) -> OutriderError:
    error.operator, error.operation = f"@{call.family}", call.operation
    error.trace_id = error.trace_id or trace_id
    return error
