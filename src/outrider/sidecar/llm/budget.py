"""A budget of money for a period: reserved before a call, replaced by what it cost after it.

Amounts are whole nano-units of the currency: sums of them are exact, in whatever order. What is spent is never above the budget by
more than one call cost beyond its reservation.
"""

import math
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from outrider.core.sidecar_settings import Period

if TYPE_CHECKING:
    from outrider.sidecar.llm.shares.share import Share

# No period is longer, in whatever zone.
PERIOD_SECONDS: dict[Period, float] = {"hour": 3600.0, "day": 25 * 3600.0, "month": 32 * 86_400.0}
LONGEST_SECONDS = PERIOD_SECONDS["month"]
_FORMS: dict[Period, str] = {"hour": "%Y-%m-%dT%H%z", "day": "%Y-%m-%d", "month": "%Y-%m"}


def period_of(moment: float, period: Period, zone: ZoneInfo) -> str:
    """Return the name of the period in which a moment lies, such as `2026-11-28`.

    Args:
        moment: Seconds since the epoch.
        period: How long one is.
        zone: Where it begins; hours that a change of the clocks repeats are two.
    """
    return datetime.fromtimestamp(moment, zone).strftime(_FORMS[period])


class Reservation:
    """Money that is held for a call.

    Attributes:
        amount: In nano-units.
        period: In which it counts, also when the call ends in the next one.
    """

    __slots__ = ("amount", "expires", "open", "period")

    def __init__(self, amount: int, period: str, expires: float) -> None:
        self.amount = amount
        self.period = period
        self.expires = expires
        self.open = True


class Budget:
    """The money of one agent.

    Args:
        limit: For each period, in nano-units.
        period: How long one is.
        zone: Where it begins.
        finishes: Whether a call that has begun comes to its end, whatever it costs.
        share: What of it this sidecar holds, where several share it.

    Attributes:
        running: What is held for calls that run.
    """

    def __init__(
        self, limit: int, period: Period, zone: ZoneInfo, *, finishes: bool = False, share: "Share | None" = None
    ) -> None:  # fmt: skip
        self.limit = limit
        self.share = share
        self._finishes = finishes
        self._period: Period = period
        self._zone = zone
        self._spent: dict[str, int] = {}
        self._held: dict[str, int] = {}
        self.running: dict[Reservation, None] = {}
        # A period begins with a minute: within one its name stays.
        self._minute, self._name = -1, ""
        self._next_look = 0.0

    def know(self, moment: float, cost: int) -> None:
        """Take in what an earlier process has spent, as the ledger says."""
        self._add(self._now(moment), cost)

    def begin_share(self, moment: float) -> None:
        """Have others told what an earlier process has spent in the period of a moment."""
        if self.share is not None:
            self.share.begin(self._now(moment))

    def spent(self, moment: float) -> int:
        """Return what was spent in the period of a moment."""
        return self._spent.get(self._now(moment), 0)

    def reserved(self, moment: float) -> int:
        """Return what is held for calls that run, in the period of a moment."""
        return self._held.get(self._now(moment), 0)

    def reserve(self, amount: int, moment: float, lasts: float) -> Reservation | None:
        """Hold money for a call, or return None where there is not so much left.

        Args:
            amount: What it may cost.
            moment: Seconds since the epoch.
            lasts: Seconds after which it is free again, if the call was never settled.
        """
        self._expire(moment)
        name = self._now(moment)
        held = self._held.get(name, 0)
        total = self._spent.get(name, 0) + held + amount
        if total > (self.limit if self.share is None else self.share.held(name)):
            if self.share is not None:
                self.share.needs(name, total)
            return None
        made = Reservation(amount, name, moment + lasts)
        self.running[made] = None
        self._held[name] = held + amount
        self._next_look = min(self._next_look, made.expires)
        if self.share is not None:
            self.share.used(name, total)
        return made

    def extend(self, reservation: Reservation, amount: int, moment: float) -> bool:
        """Hold more money for a call that goes on, and return whether it may."""
        name = self._now(moment)
        total = self.used(name) + amount
        fits = total <= self.limit if self.share is None else self._fits(self.share, name, total)
        if not reservation.open or not (fits or self._finishes):
            return False
        if reservation in self.running:
            reservation.amount += amount
            self._held[reservation.period] = self._held.get(reservation.period, 0) + amount
        return True

    def used(self, period: str) -> int:
        """Return what was spent and is held in a period, by its name."""
        return self._spent.get(period, 0) + self._held.get(period, 0)

    def may_grow(self, moment: float) -> bool:
        """Return whether more may be there in a moment."""
        return self.share is not None and self.share.may_grow(self._now(moment))

    @staticmethod
    def _fits(share: "Share", period: str, total: int) -> bool:
        """Return whether a share has so much. A stream cannot wait for a draw: while one is under way it goes on."""
        share.used(period, total)
        return total <= share.held(period) or share.may_grow(period)

    def settle(self, reservation: Reservation, cost: int) -> None:
        """Replace a reservation by what the call cost; a second time changes nothing."""
        if reservation.open:
            reservation.open = False
            if reservation in self.running:
                del self.running[reservation]
                self._release(reservation)
            self._add(reservation.period, cost)

    def follow(self, before: "Budget", moment: float) -> None:
        """Take the place of another budget, with what is held by it for calls that run."""
        if before is self:
            return
        name = self._now(moment)
        for one in before.running:
            one.period = name
            self.running[one] = None
            self._held[name] = self._held.get(name, 0) + one.amount

    def left(self, moment: float) -> int:
        """Return what can be reserved now."""
        return self.limit - self.spent(moment) - self.reserved(moment)

    def _now(self, moment: float) -> str:
        minute = int(moment // 60)
        if minute != self._minute:
            self._minute, self._name = minute, period_of(moment, self._period, self._zone)
        return self._name

    def _expire(self, moment: float) -> None:
        if moment <= self._next_look:
            return
        for one in [one for one in self.running if one.expires < moment]:
            del self.running[one]  # it can still be settled: what was spent counts
            self._release(one)
        self._next_look = min((one.expires for one in self.running), default=math.inf)

    def _release(self, reservation: Reservation) -> None:
        left = self._held.get(reservation.period, 0) - reservation.amount
        if left:
            self._held[reservation.period] = left
        else:
            self._held.pop(reservation.period, None)

    def _add(self, period: str, cost: int) -> None:
        self._spent[period] = self._spent.get(period, 0) + cost
        if len(self._spent) > 3:  # of periods long ago nobody asks
            del self._spent[min(self._spent)]
