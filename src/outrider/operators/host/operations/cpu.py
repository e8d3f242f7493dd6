"""How busy the machine's processors are."""

import os
from pathlib import Path

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.core.quantities import Duration, duration
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_STAT = Path("/proc/stat")
_SHORTEST = 0.01  # the kernel counts in ticks of 10 ms
_COUNTED = 8  # user nice system idle iowait irq softirq steal; guest time is part of user
_IDLE = slice(3, 5)  # idle and iowait


class CpuParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How long to look.

    Attributes:
        over: Length of the sample, 10ms at least.
    """

    over: Duration = duration("100ms")

    def __post_init__(self) -> None:
        if self.over < _SHORTEST:
            raise InvalidConfigError(
                "over: shorter than the kernel counts",
                path="over",
                found=str(self.over),
                expected="10ms or more",
                suggestions=["write 100ms"],
            )


class CpuResult(msgspec.Struct, kw_only=True):
    """The sample.

    Attributes:
        percent: Busy part of all processors together, 0 to 100.
        load: Load averages over 1, 5 and 15 minutes.
        count: Processors that are on line.
    """

    percent: float
    load: list[float]
    count: int


async def run(params: CpuParams, context: Context) -> CpuResult:
    """Count twice.

    Raises:
        UnsupportedError: There is no /proc.
    """
    before = _ticks()
    await context.clock.sleep(float(params.over))
    after = _ticks()
    spent = [max(0, new - old) for old, new in zip(before, after, strict=True)]
    total = sum(spent)
    busy = total - sum(spent[_IDLE])
    return CpuResult(
        percent=round(100 * busy / total, 1) if total else 0.0,
        load=[round(value, 2) for value in os.getloadavg()],
        count=os.cpu_count() or 1,
    )


def _ticks() -> list[int]:
    try:
        with _STAT.open(encoding="ascii") as file:
            return [int(field) for field in file.readline().split()[1 : _COUNTED + 1]]
    except FileNotFoundError as error:
        raise UnsupportedError("this system has no /proc/stat", expected="Linux") from error


OPERATION = Implementation(params=CpuParams, result=CpuResult, run=run, target=lambda _: "cpu/*")
