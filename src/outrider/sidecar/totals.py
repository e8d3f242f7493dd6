"""What a sidecar has done since its start, added up, and told as metrics.

Adding must cost next to nothing, so the sums are kept here; the library for metrics is only imported to write them down.
"""

import bisect
import itertools
from collections.abc import Iterator

from outrider.core.units import NANO
from outrider.ports.telemetry.metrics import SECONDS_BUCKETS, Family, Row, render_families
from outrider.sidecar.activity import RefusedCall, ToolUse
from outrider.sidecar.llm.conventions import (
    DURATION,
    ERROR,
    EXECUTE_TOOL,
    OPERATION,
    OPERATIONS,
    PROVIDER,
    REQUEST_MODEL,
    TOKEN_TYPE,
    TOKEN_USAGE,
    TOOL,
)
from outrider.sidecar.llm.ledger import Entry
from outrider.sidecar.llm.status import BudgetStatus, GatewayStatus

_TOKENS = ("input", "output")
_MONEY = ("limit", "spent", "reserved")


class _Sum:
    """Calls of one kind."""

    __slots__ = ("buckets", "cost", "input", "output", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(SECONDS_BUCKETS) + 1)
        self.seconds = 0.0
        self.input = self.output = self.cost = 0

    def add(self, seconds: float) -> None:
        self.buckets[bisect.bisect_left(SECONDS_BUCKETS, seconds)] += 1
        self.seconds += seconds


class Totals:
    """The sums."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str, str, str], _Sum] = {}
        self._refused: dict[str, int] = {}
        self._tools: dict[tuple[str, str], _Sum] = {}

    def called(self, entry: Entry) -> None:
        """Add a call of a model."""
        key = (
            entry.endpoint,
            entry.provider,
            entry.alias,
            "" if entry.outcome == "whole" and entry.status < 400 else entry.outcome,
        )
        found = self._calls.get(key)
        if found is None:
            found = self._calls[key] = _Sum()
        found.add(entry.seconds)
        found.input += entry.input
        found.output += entry.output
        found.cost += entry.cost

    @property
    def cost(self) -> int:
        """What calls have cost, in nano-units."""
        return sum(found.cost for found in self._calls.values())

    def refused(self, call: RefusedCall) -> None:
        """Add a call that was refused."""
        self._refused[call.code] = self._refused.get(call.code, 0) + 1

    def used(self, use: ToolUse) -> None:
        """Add a call of a tool; one that is not there is counted as one, whatever it is called."""
        key = (use.tool if use.server else "", "" if use.outcome == "ok" else use.outcome)
        self._tools.setdefault(key, _Sum()).add(use.seconds)

    def render(self, gateway: GatewayStatus, currency: str) -> bytes:
        """Return the metrics in Prometheus' text format.

        Args:
            gateway: How it does.
            currency: Of the amounts.
        """
        families = self._families(gateway.budget, currency)
        guarded: list[Row] = [((name,), float(times)) for name, times in sorted(gateway.guarded.items())]
        found = Family("counter", "outrider_guarded", "What was found that must not pass", ("name",), guarded)
        refused: list[Row] = [((code,), float(times)) for code, times in sorted(self._refused.items())]
        said_no = Family(
            "counter", "outrider_refused_calls", "Calls of models that got an error of the sidecar", ("code",), refused
        )
        return render_families(itertools.chain(families, [found] if guarded else [], [said_no] if refused else []))

    def _families(self, budget: BudgetStatus | None, currency: str) -> Iterator[Family]:
        names = [_label(name) for name in (OPERATION, PROVIDER, REQUEST_MODEL, ERROR)]
        calls = [((OPERATIONS.get(key[0], key[0]), *key[1:]), found) for key, found in self._calls.items()]
        durations: list[Row] = [((*labels, ""), (found.buckets, found.seconds)) for labels, found in calls]
        durations += [
            ((EXECUTE_TOOL, "", "", fault, tool), (found.buckets, found.seconds))
            for (tool, fault), found in self._tools.items()
        ]
        tokens: list[Row] = [
            ((*labels, kind), float(getattr(found, kind))) for labels, found in calls for kind in _TOKENS
        ]
        costs: list[Row] = [((*labels, currency), found.cost / NANO) for labels, found in calls]
        yield Family("histogram", f"{_label(DURATION)}_seconds", "Time of a call", (*names, _label(TOOL)), durations)
        yield Family("counter", _label(TOKEN_USAGE), "Tokens used", (*names, _label(TOKEN_TYPE)), tokens)
        yield Family("counter", "outrider_model_cost", "What calls cost", (*names, "currency"), costs)
        if budget is not None:
            money: list[Row] = [((state, currency), getattr(budget, state) / NANO) for state in _MONEY]
            yield Family("gauge", "outrider_model_budget", "Money of this period", ("state", "currency"), money)


def _label(name: str) -> str:
    return name.replace(".", "_")
