from typing import Annotated, Literal

import msgspec

from outrider.core.events import Severity
from outrider.core.objects import Name
from outrider.core.quantities import Duration
from outrider.kinds.rule.steps import MAX_STEPS, Step
from outrider.kinds.rule.when import NO_DEBOUNCE, OncePer, RateLimit, When

Outcome = Literal["completed", "failed", "cancelled", "unknown"]


class Route(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An output, and of which runs it gets the report.

    Attributes:
        output: Name of the Output.
        severities: Of the event that started the run; all if absent.
        outcomes: How the run ended; all if absent.
    """

    output: Name
    severities: Annotated[list[Severity], msgspec.Meta(min_length=1)] | None = None
    outcomes: Annotated[list[Outcome], msgspec.Meta(min_length=1)] | None = None


class RuleSpec(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A rule.

    Attributes:
        enabled: A rule that is not matches nothing; its runs that are under way go on.
        shadow: It matches and says what it would do, and does nothing.
        when: What starts it.
        debounce: The condition must hold for this long; an event of the trigger that does not meet it starts over.
        once_per: How often for one and the same thing.
        rate_limit: How often in all.
        do: Steps, one after the other; the first that fails ends the run.
        report: Outputs that get the report of each run, or of some.
    """

    enabled: bool = True
    shadow: bool = False
    when: When
    debounce: Duration = NO_DEBOUNCE
    once_per: OncePer | None = None
    rate_limit: RateLimit | None = None
    do: Annotated[list[Step], msgspec.Meta(max_length=MAX_STEPS)] = []
    report: list[Name | Route] = []

    @property
    def routes(self) -> list[Route]:
        """The outputs in the long form."""
        return [Route(output=entry) if isinstance(entry, str) else entry for entry in self.report]
