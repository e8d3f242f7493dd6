"""Trigger: asks the agent for the processor load and reports `high` and `normal` when they last."""

import time

from outrider_plugin import PluginError, Trigger, main, seconds


class Level:
    """`high` and `normal` with two thresholds; between them the state stays, and each must last before it counts.

    Args:
        above: Percent from which it is high.
        below: Percent up to which it is normal.
        lasting: Seconds that a new state must last.
    """

    def __init__(self, above: float, below: float, lasting: float) -> None:
        self._above = above
        self._below = below
        self._lasting = lasting
        self._since: float | None = None
        self.state = ""

    def changed(self, percent: float, now: float) -> bool:
        """Take a measurement of the time `now` (s) and tell whether the state is another one now."""
        next_state = self._next_state(percent)
        if next_state == self.state:
            self._since = None
            return False
        if self._since is None:
            self._since = now
        # The very first `normal` needs no wait: it ends what an earlier run of the plugin may have begun.
        if now - self._since < self._lasting and (self.state or next_state == "high"):
            return False
        self.state, self._since = next_state, None
        return True

    def _next_state(self, percent: float) -> str:
        if percent >= self._above:
            return "high"
        return "normal" if percent <= self._below or not self.state else self.state


class CpuMonitor(Trigger):
    """The host's processors together."""

    def setup(self) -> None:
        self.above = self.config["above"]
        self.below = self.config.get("below", self.above)
        if self.below > self.above:
            raise PluginError(
                f"config.below is {self.below:g}, expected at most config.above, {self.above:g}", code="INVALID_CONFIG"
            )
        self.every = seconds(self.config["every"])
        self.level = Level(self.above, self.below, seconds(self.config["for"]))

    def run(self) -> None:
        told = ""
        due = time.monotonic()
        while not self.wait(max(0.0, due - time.monotonic())):
            due = max(due + self.every, time.monotonic())
            try:
                percent = self._percent()
                told = ""
            except PluginError as error:
                if not self.stopping and str(error) != told:
                    told = str(error)
                    self.log(f"host.cpu failed: {error}")
                continue
            if self.level.changed(percent, time.monotonic()):
                self._report(self.level.state, percent)

    def _percent(self) -> float:
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
