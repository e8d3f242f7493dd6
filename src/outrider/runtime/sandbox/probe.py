"""Finds out by trying which level truly works here: never by looking for a binary or a kernel version.

    python -m outrider.runtime.sandbox.probe [--json]

prints what can be done at each level.
"""

import asyncio
import sys
import time
from pathlib import Path

import msgspec

from outrider.core.codec import encode
from outrider.core.errors import OutriderError, SandboxUnavailableError
from outrider.runtime.sandbox.bait import Bait
from outrider.runtime.sandbox.cache import ReportCache
from outrider.runtime.sandbox.cgroups import remove_stale
from outrider.runtime.sandbox.landlock import PORTS_ABI, SCOPES_ABI
from outrider.runtime.sandbox.machine import Machine, detect
from outrider.runtime.sandbox.model import MIB, Grants, Level, Limits, Surroundings
from outrider.runtime.sandbox.paths import GUEST
from outrider.runtime.sandbox.process import Confined, start
from outrider.runtime.sandbox.remedies import remedy_for
from outrider.runtime.sandbox.report import Attempt, Kind, ProbeReport

PROBE_SECONDS = 10.0
MAX_NAMED = 4
_LIMITS = Limits(memory=40 * MIB, pids=8, open_files=64, file_size=MIB)


async def strongest_level(
    minimum: Level, *, cache: Path | None = None, machine: Machine | None = None
) -> tuple[Level, ProbeReport]:
    """Return the strongest level that works here, with the report that shows it.

    Args:
        minimum: Below this one nothing is tried.
        cache: Folder of this user in which results are kept for an hour.
        machine: What to work with; by default what is found here.

    Raises:
        SandboxUnavailableError: Not even the minimum works; it says for each level why, and what to install or set.
    """
    reports = ReportCache(cache) if cache else None
    machine = machine or detect(landlock=reports.landlock() if reports else None)
    remove_stale(machine.cgroups)
    failed = []
    for level in sorted(Level, reverse=True):
        if level < max(minimum, Level.LANDLOCK):
            break
        report = reports.find(level, machine) if reports else None
        if report is None:
            report = await probe(level, machine)
            if reports and report.usable:
                reports.keep(report)
        if report.usable:
            return level, report
        failed.append(report)
    raise _unavailable(minimum, failed)


async def level_for(least: Level, cache: Path) -> tuple[Level, Machine]:
    """Return the strongest level that works here, with what this machine offers; where none may do, that is one too.

    Args:
        least: Below this one nothing will do.
        cache: Folder with what was found out earlier.

    Raises:
        SandboxUnavailableError: None that is strong enough works.
    """
    try:
        level, report = await strongest_level(least, cache=cache)
    except SandboxUnavailableError:
        if least > Level.NONE:
            raise
        return Level.NONE, detect()
    return level, report.machine


async def probe(level: Level, machine: Machine) -> ProbeReport:
    """Try at one level what must not and what must work; takes some 200 ms."""
    begun = time.monotonic()
    attempts: list[Attempt] = []
    reason = remedy = ""
    try:
        with Bait(machine.architecture) as bait:
            attempts = await _attempts(level, machine, bait)
    except OutriderError as error:
        reason, remedy = error.message, error.hint or remedy_for(error.found)
    except OSError as error:
        reason, remedy = f"sandbox level '{level.label}': the probe cannot be set up: {error}", remedy_for("")
    report = ProbeReport(
        level=level.label,
        usable=not reason,
        reason=reason,
        remedy=remedy,
        attempts=attempts,
        limits=_limits(level, machine, attempts),
        milliseconds=(time.monotonic() - begun) * 1000,
        measured_at=time.time(),
        machine=machine,
    )
    return _judged(report) if report.surprises else report


async def _attempts(level: Level, machine: Machine, bait: Bait) -> list[Attempt]:
    runs = [_run(level, machine, bait, Grants(), bait.work_dir)]
    if machine.landlock >= PORTS_ABI or level is Level.NONE:
        second = bait.folder / "second"
        second.mkdir()
        grants = Grants(connect_ports=[bait.granted], listen_ports=[bait.listen], dns=False)
        runs.append(_run(level, machine, bait, grants, second))
    attempts: list[Attempt] = []
    for result in await asyncio.gather(*runs, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
        attempts += result
    return attempts


async def _run(level: Level, machine: Machine, bait: Bait, grants: Grants, work_dir: Path) -> list[Attempt]:
    program = ["python", str(GUEST / "attempts.py")]
    confined = await start(
        level, grants, _LIMITS, program=program, surroundings=Surroundings(work_dir=work_dir), machine=machine
    )
    tried = {
        name: getattr(_LIMITS, name) for name, enforced in machine.limits(level).items() if enforced and name != "cpu"
    }
    env = {"PATH": "", "HOME": "", "TMPDIR": "", "LANG": ""}
    target = bait.targets(env) | {"limits": tried, "network": grants.network, "work_dir": str(work_dir)}
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            answer, log = await _dialogue(confined, encode(target) + b"\n")
    except TimeoutError:
        raise SandboxUnavailableError(
            f"sandbox level '{level.label}': the probe hangs", found=f"nothing after {PROBE_SECONDS:g} s"
        ) from None
    finally:
        await confined.kill()
    return _answered(level, answer, log.decode("utf-8", "replace").strip())


def _answered(level: Level, answer: bytes, log: str) -> list[Attempt]:
    try:
        found = [Attempt(*fields) for fields in msgspec.json.decode(answer, type=list[tuple[str, Kind, bool, str]])]
    except msgspec.DecodeError:
        found = []
    if not {"forbidden", "needed"} <= {attempt.kind for attempt in found}:
        said = log.splitlines()[-1] if log else "the probe ended without an answer"
        raise SandboxUnavailableError(f"sandbox level '{level.label}': {said}", found=log[-500:])
    return found


async def _dialogue(confined: Confined, line: bytes) -> tuple[bytes, bytes]:
    confined.stdin.write(line)
    answer, log = await asyncio.gather(confined.stdout.read(), confined.stderr.read())
    await confined.wait()
    return answer, log


def _limits(level: Level, machine: Machine, attempts: list[Attempt]) -> dict[str, bool]:
    """Return which limits hold: offered by the machine, and not exceeded by an attempt."""
    held = machine.limits(level)
    words = {"memory": "allocate", "pids": "fork", "open_files": "open files", "file_size": "write a file"}
    for attempt in attempts:
        for name, word in words.items():
            if attempt.kind == "limit" and attempt.succeeded and attempt.name.startswith(word):
                held[name] = False
    held |= dict.fromkeys(machine.watched(level), True)
    return held | {"ports": machine.landlock >= PORTS_ABI and level is not Level.NONE}


def _judged(report: ProbeReport) -> ProbeReport:
    named = [
        f"{attempt.name}: {'possible' if attempt.succeeded else f'refused ({attempt.detail})'}"
        for attempt in report.surprises
    ]
    more = f" and {len(named) - MAX_NAMED} more" if len(named) > MAX_NAMED else ""
    return msgspec.structs.replace(
        report,
        usable=False,
        reason=f"sandbox level '{report.level}': {', '.join(named[:MAX_NAMED])}{more}",
        remedy=f"Linux 6.12, which has Landlock {SCOPES_ABI} (here {report.machine.landlock})"
        if report.machine.landlock < SCOPES_ABI
        else "python -m outrider.runtime.sandbox.probe shows what is possible here",
    )


def _unavailable(minimum: Level, failed: list[ProbeReport]) -> SandboxUnavailableError:
    causes = [
        SandboxUnavailableError(report.reason, found=report.reason, expected=report.remedy, suggestions=[report.remedy])
        for report in failed
    ]
    return SandboxUnavailableError(
        f"no sandbox of level '{minimum.label}' or above works here",
        found="; ".join(report.reason for report in failed),
        expected=f"level '{minimum.label}' or above",
        suggestions=[report.remedy for report in failed if report.remedy],
        causes=causes,
    )


async def _matrix(*, as_json: bool) -> int:
    machine = detect()
    reports = [await probe(level, machine) for level in Level]
    if as_json:
        sys.stdout.write(encode(reports).decode() + "\n")
        return 0
    from outrider.runtime.sandbox.matrix import matrix  # noqa: PLC0415 - only for people

    sys.stdout.write(matrix(reports))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_matrix(as_json="--json" in sys.argv[1:])))
