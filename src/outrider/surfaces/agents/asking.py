"""What an AI agent asks its platform for: operations, and leave to call tools of servers. Each is a run there."""

import asyncio
import contextlib

from outrider.core.errors import OutriderError
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
_log = logger(__name__)


async def ask(link: Link, request: CallRequest) -> CallAnswer:
    """Ask for something and wait for its end; what nobody waits for any more is cancelled.

    Raises:
        OutriderError: The platform refuses it, or does not answer.
    """
    run = await link.call(request)
    try:
        while True:
            answer = await link.called(run)
            if answer.state != "running":
                return answer
    except asyncio.CancelledError:
        with contextlib.suppress(OutriderError):
            await link.cancel_call(run)
        raise


async def decide(link: Link, question: Question, clock: Clock) -> Decision:
    """Have the people of the platform answer a call that waits for them; where they cannot be asked, nobody has approved it."""
    left = max(LEAST_SECONDS, question.expires - clock.now())
    request = CallRequest(
        id=question.id, tool=question.tool, input_data=question.arguments,
        approval=ApprovalTerms(groups=question.groups, expire=Duration(left)),
    )  # fmt: skip
    try:
        answer = await ask(link, request)
    except OutriderError as error:
        _log.warning("nobody could be asked whether '%s' may be used: %s", question.tool, error)
        return Decision(approve=False, by=f"the platform, which could not ask anybody ({error.message}),")
    return Decision(approve=answer.state == "completed", by=answer.decided_by or "nobody")
