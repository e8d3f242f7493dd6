"""The public Python names; each is imported when it is first used.

from outrider.api import call, connect

facts = await call("@host", "disk", path="/")              # in this process
async with connect() as platform:                          # the platform of this folder, or the last one used
    runs = await platform.runs()
    plan = await platform.plan("host.service_restart", service="web")
    result = await platform.apply(plan)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outrider.core.errors import OutriderError
    from outrider.ports.kube.controller import After, TerminalError
    from outrider.surfaces.python.calls import call
    from outrider.surfaces.python.crd import crd
    from outrider.surfaces.python.operator import Operator
    from outrider.surfaces.python.platform import Platform, connect

__all__ = ["After", "Operator", "OutriderError", "Platform", "TerminalError", "call", "connect", "crd"]

_PLACES = {
    "After": "outrider.ports.kube.controller",
    "Operator": "outrider.surfaces.python.operator",
    "OutriderError": "outrider.core.errors",
    "Platform": "outrider.surfaces.python.platform",
    "TerminalError": "outrider.ports.kube.controller",
    "call": "outrider.surfaces.python.calls",
    "connect": "outrider.surfaces.python.platform",
    "crd": "outrider.surfaces.python.crd",
}


def __getattr__(name: str) -> Any:
    """Import a public name."""
    if name not in _PLACES:
        raise AttributeError(f"outrider has no public name '{name}'")
    import importlib  # noqa: PLC0415 - only for this

    return getattr(importlib.import_module(_PLACES[name]), name)
