"""Trigger: reports an event at each time of a cron expression or interval; all times are UTC."""

import os
import time
from datetime import datetime, timedelta
from pathlib import Path

from cron import Cron
from outrider_plugin import PluginError, Trigger, main, seconds

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all times here are UTC without a zone
LONGEST_SLEEP = 20.0
COUNTED = 10_000


class Interval:
    """Even intervals since 1970, so that a restart does not shift them."""

    def __init__(self, length: float) -> None:
        self._length = timedelta(seconds=length)

    def next_after(self, moment: datetime) -> datetime:
        """Return the first run after a moment (UTC)."""
        return EPOCH + ((moment - EPOCH) // self._length + 1) * self._length


def utc_now() -> datetime:
    """Return the time of the wall clock, UTC."""
    return EPOCH + timedelta(seconds=time.time())


class LastRun:
    """The file that keeps the last run; without a path it keeps nothing."""

    def __init__(self, path: str) -> None:
        self._path = Path(path) if path else None

    def read(self) -> datetime | None:
        """Return the last run, None where nobody knows it."""
        if self._path is None:
            return None
        try:
            moment = datetime.fromisoformat(self._path.read_text().strip().removesuffix("Z"))
        except (OSError, ValueError):
            return None
        return moment if moment.tzinfo is None else None

    def write(self, moment: datetime) -> None:
        """Keep a run; the file is whole at any time."""
        if self._path is None:
            return
        fresh = self._path.with_name(self._path.name + ".new")
        with fresh.open("w") as file:
            file.write(f"{moment.isoformat()}Z\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)


class Schedule(Trigger):
    """One schedule."""

    def setup(self) -> None:
        try:
            self.times: Cron | Interval = Cron(self.config["cron"]) if "cron" in self.config else self._interval()
        except ValueError as error:
            raise PluginError(f"config.cron: {error}", code="INVALID_CONFIG") from error
        self.last_run = LastRun(self.config.get("state_file", ""))

    def _interval(self) -> Interval:
        length = seconds(self.config["every"])
        if not 0.1 <= length <= 366 * 86400:
            raise PluginError(f"config.every is {length:g} s, expected 100 ms to 366 days", code="INVALID_CONFIG")
        return Interval(length)

    def run(self) -> None:
        seen = self.last_run.read()
        while not self.stopping:
            now = utc_now()
            if seen is None or seen > now + timedelta(seconds=1):  # nothing is known, or the clock was set back
                seen = now
            due = self.times.next_after(seen)
            if due <= now:
                seen = self._report(due, now)
            else:
                # The clock may be set meanwhile: look at it again and again.
                self.wait(min((due - now).total_seconds(), LONGEST_SLEEP))

    def _report(self, due: datetime, now: datetime) -> datetime:
        """Report all that is due as one event and return its last run."""
        missed = 0
        while missed < COUNTED and (following := self.times.next_after(due)) <= now:
            due = following
            missed += 1
        if missed == COUNTED:
            due = now
        scheduled = due.isoformat(timespec="milliseconds" if due.microsecond else "seconds") + "Z"
        data = {"scheduled": scheduled, "schedule": self.config.get("cron") or self.config["every"]}
        if missed and self.config.get("state_file"):
            data |= {"missed": missed, "summary": f"due at {scheduled}, {missed} runs before it were missed"}
        else:
            data["summary"] = f"due at {scheduled}"
        if self.event(data, severity=self.config["severity"]):
            self._keep(due)
        return due

    def _keep(self, moment: datetime) -> None:
        try:
            self.last_run.write(moment)
        except OSError as error:
            self.log(f"config.state_file cannot be written: {error}")


main(Schedule)
