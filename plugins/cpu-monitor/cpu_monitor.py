"""Trigger: asks the agent for the processor load and reports `high` and `normal` when they last."""

import time

from outrider_measure import Level, Measuring, thresholds
from outrider_plugin import PluginError, main, seconds


class CpuMonitor(Measuring):
    """The host's processors together."""

    def setup(self) -> None:
        self.above, self.below = thresholds(self.config)
        self.every = seconds(self.config["every"])
        self.level = Level(self.above, self.below, seconds(self.config["for"]))

    def judge(self, percent: float) -> None:
        if self.level.changed(percent, time.monotonic()):
            self._report(self.level.state, percent)

    def measure(self) -> float:
        answer = self.call("host.cpu", over=self.config["over"])
        try:
            return float(answer["percent"])
        except (KeyError, TypeError, ValueError) as error:
            raise PluginError(f"its answer has no percent: {error!r}") from error

    def _report(self, state: str, percent: float) -> None:
        data = {
            "state": state,
            "percent": round(percent, 1),
            "above": self.above,
            "below": self.below,
            "summary": f"cpu {state}: {percent:.0f} %",
        }
        self.event(
            data, severity=self.config["severity"] if state == "high" else "low", unhealthy=state == "high", key="cpu"
        )


main(CpuMonitor)
