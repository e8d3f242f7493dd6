"""The machine's memory."""

from pathlib import Path

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_MEMINFO = Path("/proc/meminfo")
_KIB = 1024


class MemoryParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Nothing to choose."""


class MemoryResult(msgspec.Struct, kw_only=True):
    """Sizes in bytes.

    Attributes:
        available: What programs can have without swapping, as the kernel estimates it.
        percent: Part of the total that is not available, 0 to 100.
    """

    total: int
    available: int
    percent: float
    swap_total: int
    swap_free: int


async def run(params: MemoryParams, context: Context) -> MemoryResult:
    """Read proc_meminfo(5).

    Raises:
        UnsupportedError: There is no /proc.
    """
    del params, context
    facts = _read()
    total, available = facts["MemTotal"], facts["MemAvailable"]
    return MemoryResult(
        total=total,
        available=available,
        percent=round(100 * (total - available) / total, 1),
        swap_total=facts.get("SwapTotal", 0),
        swap_free=facts.get("SwapFree", 0),
    )


def _read() -> dict[str, int]:
    try:
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
    except FileNotFoundError as error:
        raise UnsupportedError("this system has no /proc/meminfo", expected="Linux") from error
    return {name: int(rest.split()[0]) * _KIB for name, _, rest in (line.partition(":") for line in lines)}


OPERATION = Implementation(params=MemoryParams, result=MemoryResult, run=run, target=lambda _: "memory/*")
