"""Probe results of the last hour, so that an agent starts quickly."""

import contextlib
import os
import time
import zlib
from pathlib import Path

import msgspec

from outrider.core.codec import encode
from outrider.runtime.sandbox.machine import Machine
from outrider.runtime.sandbox.model import Level
from outrider.runtime.sandbox.paths import GUEST, interpreter
from outrider.runtime.sandbox.report import ProbeReport
from outrider.version import __version__

MAX_AGE_SECONDS = 3600.0
_MAX_BYTES = 256 * 1024


class _Entry(msgspec.Struct, frozen=True):
    """A report and what it was measured with."""

    key: str
    report: ProbeReport


class ReportCache:
    """Reports as files of one folder; only files of this user that nobody else may write are believed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, level: Level, machine: Machine) -> ProbeReport | None:
        """Return the report of a level if it was measured within the hour and with the same things."""
        entry = self._read(level)
        if entry is None or entry.key != _key(machine):
            return None
        # The groups of another start of the agent may be gone.
        return msgspec.structs.replace(entry.report, machine=machine)

    def landlock(self) -> int | None:
        """Return the version of Landlock of the running kernel if a report knows it."""
        for level in Level:
            entry = self._read(level)
            if entry is not None and entry.key.startswith(_boot()):
                return entry.report.machine.landlock
        return None

    def keep(self, report: ProbeReport) -> None:
        """Keep a report; one that cannot be written is measured again."""
        path = self._folder / f"sandbox-{report.level}.json"
        temporary = path.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary.touch(0o600)
            temporary.write_bytes(encode(_Entry(_key(report.machine), report)))
            temporary.replace(path)
        with contextlib.suppress(OSError):
            temporary.unlink()

    def _read(self, level: Level) -> _Entry | None:
        try:
            with (self._folder / f"sandbox-{level.label}.json").open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_uid != os.geteuid() or status.st_mode & 0o022:
                    return None
                entry = msgspec.json.decode(file.read(_MAX_BYTES), type=_Entry)
        except (OSError, msgspec.MsgspecError):
            return None
        age = time.time() - entry.report.measured_at
        return entry if 0 <= age < MAX_AGE_SECONDS else None


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _key(machine: Machine) -> str:
    """Return what the result depends on: this boot, kernel, programs, user, and what the machine offers."""
    programs = [Path(interpreter()), *GUEST.glob("*.py"), *([Path(machine.bubblewrap)] if machine.bubblewrap else [])]
    stamps = [f"{path}:{path.stat().st_mtime_ns}" for path in sorted(programs)]
    facts = f"{os.uname().release} {os.geteuid()} {__version__} {machine.landlock} {machine.uids} {sorted(machine.cgroups.folders)}"
    return f"{_boot()} {zlib.crc32(' '.join([facts, *stamps]).encode()):08x}"
