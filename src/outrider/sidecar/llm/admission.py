"""Whether a call may begin: somebody answers it, the ledger takes it, and the rates allow it."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from outrider.sidecar.llm import scripted
from outrider.sidecar.llm.agent import Agent
from outrider.sidecar.llm.attempt import Record
from outrider.sidecar.llm.buckets import Refusal
from outrider.sidecar.llm.ledger import Ledger
from outrider.sidecar.llm.refusals import Refusals
from outrider.sidecar.llm.routes import Route
from outrider.sidecar.llm.waiting import WaitingCalls
from outrider.sidecar.proxy.exchange import Exchange

if TYPE_CHECKING:
    from outrider.sidecar.llm.shares.share import Share
    from outrider.sidecar.llm.shares.shares import Shares

# A call that still lacks something then is refused, although other draws are under way.
LONGEST_WAIT = 4.0


class Admission:
    """Lets calls begin, or refuses them.

    Args:
        agent: Who calls.
        ledger: Takes every call.
        now: Seconds of a clock that cannot be set.
        offline: Whether a script answers.
        refusals: Refuses calls.
        shares: What other sidecars share; None where this one is alone.
    """

    def __init__(
        self, agent: Agent, ledger: Ledger, refusals: Refusals, *, now: Callable[[], float], offline: bool,
        shares: "Shares | None",
    ) -> None:  # fmt: skip
        self._refusals = refusals
        self._agent, self._ledger, self._now, self._offline, self._shares = agent, ledger, now, offline, shares
        self._waiting = WaitingCalls()

    @property
    def problem(self) -> str:
        """Why nothing can be drawn of what is shared; empty where nothing is wrong, or shared."""
        return self._shares.problem if self._shares is not None else ""

    def admits(self, exchange: Exchange, record: Record, route: Route, again: Callable[[], None]) -> bool:
        """Return whether a call may begin now; one that may not is refused, or tried `again` in a moment."""
        refuse = self._refusals.call
        record.providers = route.order(record.endpoint)
        if self._offline and not scripted.serves(record.endpoint.name):
            refuse(exchange, record, 501, "offline", f"a script does not answer {record.endpoint.name}")
            return False
        if not self._offline and not record.providers:
            reason = f"route '{route.alias}' has no provider that speaks as {record.endpoint.dialect} does"
            refuse(exchange, record, 400, "unsupported", reason)
            return False
        if record.endpoint.media and self._agent.budget is not None and not self._offline:
            reason = "there is a budget, and what images and sound cost is not known beforehand"
            refuse(exchange, record, 400, "unpriced", reason)
            return False
        if self._ledger.full or (self._agent.budget is not None and self._ledger.problem):
            reason = f"the ledger cannot be written: {self._ledger.problem}"
            refuse(exchange, record, 503, "ledger_unavailable", reason)
            return False
        refusal = self._agent.limits.begin(record.estimate, record.began, inside=record.inside)
        if refusal is not None:
            self._limited(exchange, record, refusal, again)
        return refusal is None

    def _limited(self, exchange: Exchange, record: Record, refusal: Refusal, again: Callable[[], None]) -> None:
        rate = refusal.rate
        if rate is not None and rate.share is not None:
            if rate.may_grow() and self._wait(exchange, record, rate.share, again, left=lambda: None):
                return
            if self._is_away(exchange, record, rate.share):
                return
        wait = [(b"retry-after", b"%d" % max(1, math.ceil(refusal.wait)))]
        self._refusals.call(exchange, record, 429, "rate_limit_exceeded", refusal.reason, fields=wait)

    def leave(self, record: Record) -> None:
        """Give back what a call was let take that ends before anybody was asked."""
        self._agent.limits.end(record.estimate, 0, record.began, inside=record.inside)

    def lacks_money(
        self, exchange: Exchange, record: Record, again: Callable[[], None], *, left: Callable[[], None]
    ) -> None:  # fmt: skip
        """Refuse a call that was admitted and for which there is no money, or try it `again` in a moment.

        Args:
            exchange: Of the call.
            record: The call.
            again: Tries it again.
            left: Called where that is not done.
        """
        budget = self._agent.budget
        share = budget.share if budget is not None else None
        grows = budget is not None and budget.may_grow(record.moment)
        if share is not None and grows and self._wait(exchange, record, share, again, left=left):
            return
        left()
        if share is None or not self._is_away(exchange, record, share):
            self._refusals.unpaid(exchange, record)

    def _wait(
        self, exchange: Exchange, record: Record, share: "Share", again: Callable[[], None], *, left: Callable[[], None]
    ) -> bool:  # fmt: skip
        """Have a call wait for a draw, and return whether it has the time."""
        time = (record.tried or record.began) + LONGEST_WAIT - self._now()
        if self._shares is None or time <= 0:
            return False
        self._waiting.add(exchange, _after(self._shares, share, time, again), left=left)
        return True

    def _is_away(self, exchange: Exchange, record: Record, share: "Share") -> bool:
        """Refuse a call where the store of a share is away, and return whether that is so."""
        if share.problem:
            text = f"the store of what is shared with other sidecars does not answer: {share.problem}"
            self._refusals.call(exchange, record, 503, "shares_unavailable", text, fields=[(b"retry-after", b"1")])
        return bool(share.problem)


async def _after(shares: "Shares", share: "Share", time: float, again: Callable[[], None]) -> None:
    await shares.drawn(share, time)
    again()
