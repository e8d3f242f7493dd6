"""Trigger: asks the agent for processes by name and reports `gone` and `running` when they change."""

import time

from outrider_plugin import PluginError, Trigger, main, seconds

SHOWN = 20


class ProcessMonitor(Trigger):
    """One name. The plugin itself sees no process of the host."""

    def run(self) -> None:
        every = seconds(self.config["every"])
        last, told = None, ""
        due = time.monotonic()
        while not self.wait(max(0.0, due - time.monotonic())):
            due = max(due + every, time.monotonic())
            try:
                pids = self._pids()
                told = ""
            except PluginError as error:
                # Not knowing is not `gone`: the state stays what it was.
                if not self.stopping and str(error) != told:
                    told = str(error)
                    self.log(f"host.processes failed: {error}")
                continue
            state = "running" if pids else "gone"
            if state != last:
                self._report(state, pids)
                last = state

    def _pids(self) -> list[int]:
        answer = self.call("host.processes", name=self.config["name"], limit=SHOWN)
        try:
            return [int(process["pid"]) for process in answer["processes"]]
        except (KeyError, TypeError, ValueError) as error:
            raise PluginError(f"its answer names no processes: {error!r}") from error

    def _report(self, state: str, pids: list[int]) -> None:
        name = self.config["name"]
        detail = ("pid " + ", ".join(map(str, pids))) if pids else "no such process"
        data = {"state": state, "name": name, "pids": pids, "summary": f"{name} {state}: {detail}"}
        severity = self.config["severity"] if state == "gone" else "low"
        self.event(data, severity=severity, unhealthy=state == "gone", key=name)


main(ProcessMonitor)
