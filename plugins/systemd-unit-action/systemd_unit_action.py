"""Action: starts, stops or restarts a systemd unit, or sends HUP to its main process."""

from __future__ import annotations

from outrider_plugin import Action, PluginError, Request, main

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class SystemdUnit(Action):
    """The plugin itself cannot touch the host; operations of the agent do, under policy and audit."""

    def execute(self, request: Request) -> dict[str, Any]:
        unit, action = request.input["unit"], request.input["action"]
        before = self.call("host.service", service=unit)
        request.check()  # nothing is begun yet
        after = self._hang_up(unit, before["pid"]) if action == "hangup" else self._change(unit, action)
        words = f"{worded(before)} -> {worded(after)}"
        request.log(f"{action} of {unit} by {before['manager']}: {words}")
        if action != "stop" and after["state"].startswith("failed"):
            raise PluginError(f"{unit} failed after {action}: {words}")
        return {
            "unit": unit,
            "action": action,
            "manager": before["manager"],
            "before": {"state": before["state"], "pid": before["pid"]},
            "after": {"state": after["state"], "pid": after["pid"]},
            "changed": (before["state"], before["pid"]) != (after["state"], after["pid"]),
            "summary": f"{action} {unit} · {words}",
        }

    def _change(self, unit: str, action: str) -> dict[str, Any]:
        done: dict[str, Any] = self.call(f"host.service_{action}", service=unit)
        return done

    def _hang_up(self, unit: str, pid: int) -> dict[str, Any]:
        if not pid:
            raise PluginError(f"{unit} has no main process that could take a signal", code="CONFLICT")
        self.call("host.process_signal", pid=pid, signal="HUP")
        after: dict[str, Any] = self.call("host.service", service=unit)
        if after["pid"] != pid:
            raise PluginError(f"{unit}: its process {pid} ended on HUP, it is {worded(after)} now")
        return after


def worded(service: dict[str, Any]) -> str:
    """Return the state for people."""
    return f"{service['state']}, pid {service['pid']}" if service["pid"] else str(service["state"])


main(SystemdUnit)
