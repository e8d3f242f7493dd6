"""Trigger: asks the agent for a service and reports `up` and `down` when it becomes active, failed, inactive or missing."""

from __future__ import annotations

from outrider_measure import Measuring
from outrider_plugin import PluginError, main, seconds

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The first word of a state, of systemd and of the platform's supervisor. Other words are on the way to one of these.
STATUSES = {
    "active": "active", "reloading": "active", "refreshing": "active", "running": "active",
    "inactive": "inactive", "stopped": "inactive",
    "failed": "failed", "crash-loop": "failed",
}  # fmt: skip


def status_of(state: str, problem: str) -> str:
    """Return active, inactive or failed; empty while it is between two of them."""
    # A service that ended by itself and waits for its restart is not starting for the first time.
    if problem or "auto-restart" in state:
        return "failed"
    return STATUSES.get(state.partition(" ")[0], "")


class SystemdUnit(Measuring):
    """One unit. The plugin itself sees neither systemd nor the supervisor."""

    def setup(self) -> None:
        self.every = seconds(self.config["every"])
        self.last = ""

    def judge(self, found: dict[str, Any]) -> None:
        if found["status"] not in ("", self.last):
            self.last = found["status"]
            self._report(found)

    def measure(self) -> dict[str, Any]:
        try:
            answer = self.call("host.service", service=self.config["unit"])
        except PluginError as error:
            if error.body["code"] != "NOT_FOUND":
                raise
            return {"status": "missing", "manager": "", "detail": "", "pid": 0, "problem": str(error)}
        try:
            detail, problem = str(answer["state"]), str(answer["problem"])
            found = {"status": status_of(detail, problem), "manager": answer["manager"], "detail": detail}
            return {**found, "pid": int(answer["pid"]), "problem": problem}
        except (KeyError, TypeError, ValueError) as error:
            raise PluginError(f"its answer names no state: {error!r}") from error

    def _report(self, found: dict[str, Any]) -> None:
        unit, status = self.config["unit"], found["status"]
        down = status in ("failed", "missing") or (status == "inactive" and not self.config["oneshot"])
        if down and not found["problem"]:
            found["problem"] = f"{found['manager']} says: {found['detail']}"
        reason = found["problem"] if down else found["detail"] + (f", pid {found['pid']}" if found["pid"] else "")
        state = "down" if down else "up"
        data = {"state": state, "unit": unit, **found, "summary": f"{unit} {state}: {reason}"}
        self.event(data, severity=self.config["severity"] if down else "low", unhealthy=down, key=unit)


main(SystemdUnit)
