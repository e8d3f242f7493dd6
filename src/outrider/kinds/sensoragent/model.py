from typing import Annotated, Any

import msgspec

from outrider.core.confinement import SandboxSpec
from outrider.core.objects import Name
from outrider.core.quantities import Duration, duration


class Trigger(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One trigger plugin with its configuration; rules name it as `agent/trigger`.

    Attributes:
        labels: Added to each of its events.
        repeat_every: An unhealthy state is reported again after this time, with a count; 0s reports it once.
    """

    name: Name
    plugin: Name
    config: dict[str, Any] = {}
    labels: dict[str, str] = {}
    repeat_every: Duration = duration("10s")


class SensorAgentSpec(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A sensor agent."""

    triggers: Annotated[list[Trigger], msgspec.Meta(min_length=1)]
    sandbox: SandboxSpec = msgspec.field(default_factory=SandboxSpec)
