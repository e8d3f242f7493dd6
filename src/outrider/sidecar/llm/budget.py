"""A budget of money for a period: reserved before a call, replaced by what it cost after it.

Amounts are whole nano-units of the currency: sums of them are exact, in whatever order. What is spent is never above the budget by
more than one call cost beyond its reservation.
"""

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

NANO = 1_000_000_000
Period = Literal["hour", "day", "month"]
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
    """

    def __init__(self, limit: int, period: Period, zone: ZoneInfo) -> None:
        self.limit = limit
        self._period: Period = period
        self._zone = zone
        self._spent: dict[str, int] = {}
        self._open: dict[Reservation, None] = {}

    def know(self, moment: float, cost: int) -> None:
        """Take in what an earlier process has spent, as the ledger says."""
        self._add(period_of(moment, self._period, self._zone), cost)

    def spent(self, moment: float) -> int:
        """Return what was spent in the period of a moment."""
        return self._spent.get(period_of(moment, self._period, self._zone), 0)

    def reserved(self, moment: float) -> int:
        """Return what is held for calls that run, in the period of a moment."""
        name = period_of(moment, self._period, self._zone)
        return sum(one.amount for one in self._open if one.period == name)

    def reserve(self, amount: int, moment: float, lasts: float) -> Reservation | None:
        """Hold money for a call, or return None where there is not so much left.

        Args:
            amount: What it may cost.
            moment: Seconds since the epoch.
            lasts: Seconds after which it is free again, if the call was never settled.
        """
        self._expire(moment)
        if self.spent(moment) + self.reserved(moment) + amount > self.limit:
            return None
        made = Reservation(amount, period_of(moment, self._period, self._zone), moment + lasts)
        self._open[made] = None
        return made

    def settle(self, reservation: Reservation, cost: int) -> None:
        """Replace a reservation by what the call cost; a second time changes nothing."""
        if reservation.open:
            reservation.open = False
            self._open.pop(reservation, None)
            self._add(reservation.period, cost)

    def left(self, moment: float) -> int:
        """Return what can be reserved now."""
        return self.limit - self.spent(moment) - self.reserved(moment)

    def _expire(self, moment: float) -> None:
        for one in [one for one in self._open if one.expires < moment]:
            del self._open[one]  # it can still be settled: what was spent counts

    def _add(self, period: str, cost: int) -> None:
        self._spent[period] = self._spent.get(period, 0) + cost
        if len(self._spent) > 3:  # of periods long ago nobody asks
            del self._spent[min(self._spent)]
