from typing import Annotated, Any

import msgspec

from outrider.core.objects import Name
from outrider.core.quantities import Duration, duration


class OutputSpec(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An output plugin with its configuration.

    Attributes:
        run_on: An action agent by name; without it the platform's own worker sends the report.
        attempts: How often a report is tried in all.
    """

    plugin: Name
    config: dict[str, Any] = {}
    run_on: Name | None = None
    timeout: Duration = duration("30s")
    attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5
