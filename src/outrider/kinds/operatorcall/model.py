from typing import Annotated, Any, Literal

import msgspec

from outrider.core.objects import Name
from outrider.core.quantities import Duration, duration


class RetryPolicy(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What follows when a call fails.

    Attributes:
        max_retries: How often it is called again.
        backoff: Pause before the first repetition; it doubles with each.
    """

    max_retries: Annotated[int, msgspec.Meta(ge=0, le=99)] = 0
    backoff: Duration = duration("1s")


class OperatorCallSpec(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A scheduled call of an operation.

    Attributes:
        operator: The call: `family.operation`, a text as in .tsk such as `@host("disk", "/")`, or the same as a tree.
        schedule: Minute, hour, day of month, month, day of week, as in crontab.
        time_zone: The zone in which the schedule is meant, such as `Europe/Berlin`.
        timeout: The longest that a call may take.
        suspend: While true, the times pass and nothing is called.
        concurrency_policy: What happens at a time at which the last call still runs: `Forbid` leaves it out, `Allow` calls
            beside it, `Replace` cancels the one that runs.
        mode: `apply` must be written where the operation changes anything and shall do so; `plan` only finds out what it
            would change.
        history_limit: How many ended runs are kept; all, as long as the platform keeps runs, if absent.
        run_on: An action agent by name, or by labels; without it any that allows the operation.
        report: Outputs that get the report of each run.
    """

    operator: str | dict[str, Any]
    schedule: Annotated[str, msgspec.Meta(max_length=200, examples=["0 3 * * *"])]
    time_zone: str = "UTC"
    timeout: Duration = duration("300s")
    retry_policy: RetryPolicy = msgspec.field(default_factory=RetryPolicy)
    suspend: bool = False
    concurrency_policy: Literal["Forbid", "Allow", "Replace"] = "Forbid"
    mode: Literal["plan", "apply"] = "plan"
    history_limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    run_on: str | dict[str, str] | None = None
    report: list[Name] = []
