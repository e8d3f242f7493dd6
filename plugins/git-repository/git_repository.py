"""Trigger: reads the refs of a repository again and again and reports what changed in between."""

from __future__ import annotations

import re
import threading
import time

from outrider_plugin import PluginError, Trigger, main, seconds
from smart_http import Remote, RemoteError, Wanted, readable

BRANCHES, TAGS = "refs/heads/", "refs/tags/"
PORTS = 65536
SHORT = 10
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE = re.compile(r"[\t -~\xa0-\xff]*")


class Reading:
    """One reading, in a thread of its own: neither a resolver nor a server that sends byte by byte keeps a deadline.

    Attributes:
        done: Set at its end.
        refs: What was read.
        fault: Why nothing was; empty once all was.
    """

    def __init__(self, remote: Remote, timeout: float) -> None:
        self.done = threading.Event()
        self.refs: dict[str, str] = {}
        self.fault = "it was not read to its end"
        self._remote = remote
        self._timeout = timeout
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def lasts(self) -> bool:
        """Whether it still waits for something."""
        return self._thread.is_alive()

    def _read(self) -> None:
        try:
            self.refs, self.fault = self._remote.read(self._timeout), ""
        except RemoteError as error:
            self.fault = str(error)
        finally:
            self.done.set()


class GitRepository(Trigger):
    """One repository."""

    def setup(self) -> None:
        self.url = self.config["url"]
        port = re.match(r"https?://[^/]*:(\d+)(?:/|$)", self.url)
        if port and not 0 < int(port[1]) < PORTS:
            raise PluginError(f"config.url has the port {port[1]}, expected 1 to {PORTS - 1}", code="INVALID_CONFIG")
        for name, value in self.config["headers"].items():
            # The value may be a secret, so it is not shown.
            if not (_FIELD_NAME.fullmatch(name) and _FIELD_VALUE.fullmatch(value)):
                raise PluginError(
                    f"config.headers has a {name!r} that HTTP does not allow, expected a token and printable text",
                    code="INVALID_CONFIG",
                )
        named = ((BRANCHES, self.config.get("branch")), (TAGS, self.config.get("tag")))
        wanted = Wanted(prefix + pattern for prefix, pattern in named if pattern)
        self.remote = Remote(self.url, self.config["headers"], wanted)
        self.timeout = seconds(self.config["timeout"])
        self.reading: Reading | None = None
        self.refs: dict[str, str] | None = None
        self.down = False

    def run(self) -> None:
        every = seconds(self.config["every"])
        due = time.monotonic()
        while not self.wait(max(0.0, due - time.monotonic())):
            due = max(due + every, time.monotonic())
            refs, fault = self._read()
            if self.stopping:
                return
            if fault or self.down:
                self._report_health(fault)
            if not fault:
                self._compare(refs)

    def stop(self) -> None:
        super().stop()
        if self.reading is not None:
            self.reading.done.set()

    def _read(self) -> tuple[dict[str, str], str]:
        """Return the refs, or why they cannot be read."""
        late = f"no answer within {self.timeout:g} s"
        if self.reading is not None and self.reading.lasts:
            return {}, late
        self.reading = reading = Reading(self.remote, self.timeout)
        if self.stopping:  # its end was not there to be set when `stop` looked for it
            return {}, late
        if not reading.done.wait(self.timeout):
            self.remote.abandon()
            return {}, late
        return reading.refs, reading.fault

    def _report_health(self, fault: str) -> None:
        if fault and self.down:
            return
        self.down = bool(fault)
        state = "down" if fault else "up"
        data = {"state": state, "url": self.url, "detail": fault, "summary": f"{self.url} {state}"}
        if fault:
            data["summary"] += f": {fault}"
        self.event(data, severity="high" if fault else "low", unhealthy=self.down, key=self.url)

    def _compare(self, refs: dict[str, str]) -> None:
        before, self.refs = self.refs, refs
        if before is None:
            return
        for ref in sorted(before.keys() | refs.keys()):
            old, new = before.get(ref, ""), refs.get(ref, "")
            if old != new:
                self._report_ref(ref, old, new)

    def _report_ref(self, ref: str, old: str, new: str) -> None:
        state = "changed" if old and new else "created" if new else "deleted"
        name = ref.removeprefix(BRANCHES).removeprefix(TAGS)
        commits = " -> ".join(commit[:SHORT] for commit in (old, new) if commit)
        data = {
            "state": state,
            "url": self.url,
            "ref": ref,
            "branch": name if ref.startswith(BRANCHES) else "",
            "tag": name if ref.startswith(TAGS) else "",
            "old": old,
            "new": new,
            "summary": f"{readable(name)} {state}: {commits}",
        }
        self.event(data, severity=self.config["severity"], key=ref)


main(GitRepository)
