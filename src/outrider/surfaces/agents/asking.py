"""What an AI agent asks its platform for: operations, and leave to call tools of servers. Each is a run there."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from outrider.core.errors import ConnectionFailedError, OutriderError, UnavailableError
from outrider.core.events import CallAnswer, CallRequest
from outrider.core.policy import ApprovalTerms
from outrider.core.quantities import Duration
from outrider.edge.link import Link
from outrider.ports.clock import Clock
from outrider.ports.telemetry import logger
from outrider.sidecar.activity import Question
from outrider.sidecar.tools.status import Decision

# What is left of a question's time when it is asked is at least that.
LEAST_SECONDS = 1.0
# How soon a platform that does not answer is asked again.
RETRY_SECONDS = 1.0
T = TypeVar("T")
_log = logger(__name__)


async def ask(link: Link, request: CallRequest, has_time: Callable[[], bool] = lambda: False) -> CallAnswer:
    """Ask for something and wait for its end; what nobody waits for any more is cancelled.

    Args:
        link: The platform.
        request: What is asked for.
        has_time: Whether a platform that does not answer may be asked again in a moment.

    Raises:
        OutriderError: The platform refuses it, or does not answer.
    """
    run = await _patiently(lambda: _begun(link, request), lambda error: _not_taken(error) and has_time())
    try:
        while True:
            answer = await _patiently(lambda: link.called(run), lambda error: error.retryable and has_time())
            if answer.state != "running":
                return answer
    except (asyncio.CancelledError, OutriderError):
        with contextlib.suppress(OutriderError):
            await link.cancel_call(run)
        raise


async def _begun(link: Link, request: CallRequest) -> str:
    """Return the run of what is asked for; one that begins while we are told to end is cancelled, too."""
    beginning = asyncio.ensure_future(link.call(request))
    try:
        return await asyncio.shield(beginning)
    except asyncio.CancelledError:
        with contextlib.suppress(OutriderError):
            await link.cancel_call(await beginning)
        raise


async def _patiently(attempt: Callable[[], Awaitable[T]], again: Callable[[OutriderError], bool]) -> T:
    while True:
        try:
            return await attempt()
        except OutriderError as error:
            if not again(error):
                raise
        await asyncio.sleep(RETRY_SECONDS)


def _not_taken(error: OutriderError) -> bool:
    """Return whether a request has surely begun nothing: it must not be asked for twice."""
    return isinstance(error, UnavailableError) or (isinstance(error, ConnectionFailedError) and not error.sent)


async def decide(link: Link, question: Question, clock: Clock) -> Decision:
    """Have the people of the platform answer a call that waits for them; where they cannot be asked, nobody has approved it."""
    left = max(LEAST_SECONDS, question.expires - clock.now())
    request = CallRequest(
        id=question.id, tool=question.tool, input_data=question.arguments,
        approval=ApprovalTerms(groups=question.groups, expire=Duration(left)),
    )  # fmt: skip
    try:
        answer = await ask(link, request, lambda: clock.now() < question.expires)
    except OutriderError as error:
        _log.warning("nobody could be asked whether '%s' may be used: %s", question.tool, error)
        return Decision(approve=False, by=f"the platform, which could not ask anybody ({error.message}),")
    return Decision(approve=answer.state == "completed", by=answer.decided_by or "nobody")
