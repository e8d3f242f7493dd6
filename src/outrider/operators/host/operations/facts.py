"""What this machine is."""

import os
import platform
import time

import msgspec

from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class FactsParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Nothing to choose."""


class FactsResult(msgspec.Struct, kw_only=True):
    """The machine.

    Attributes:
        architecture: As the kernel names it, such as x86_64.
        distribution: Name and version from os-release(5); empty where there is no such file.
        uptime: Seconds since its start, suspended time included.
    """

    hostname: str
    kernel: str
    architecture: str
    distribution: str
    python: str
    uptime: float


async def run(params: FactsParams, context: Context) -> FactsResult:
    """Collect them."""
    del params, context
    system = os.uname()
    return FactsResult(
        hostname=system.nodename,
        kernel=f"{system.sysname} {system.release}",
        architecture=system.machine,
        distribution=_distribution(),
        python=platform.python_version(),
        uptime=round(time.clock_gettime(time.CLOCK_BOOTTIME), 1),
    )


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return ""


OPERATION = Implementation(params=FactsParams, result=FactsResult, run=run, target=lambda _: "facts/*")
