"""Trigger: asks the agent for the memory in use and reports `high` and `normal` when they last."""

import time

from outrider_measure import Level, Measuring, thresholds
from outrider_plugin import PluginError, main, seconds


class MemoryMonitor(Measuring):
    """The host's memory, or its swap."""

    def setup(self) -> None:
        self.of = self.config["of"]
        self.above, self.below = thresholds(self.config)
        self.every = seconds(self.config["every"])
        self.level = Level(self.above, self.below, seconds(self.config["for"]))

    def judge(self, found: tuple[float, int, int]) -> None:
        if self.level.changed(found[0], time.monotonic()):
            self._report(*found)

    def measure(self) -> tuple[float, int, int]:
        """Return the percent in use, the bytes that are left, and the bytes in all."""
        answer = self.call("host.memory")
        try:
            if self.of == "memory":
                return float(answer["percent"]), int(answer["available"]), int(answer["total"])
            total, free = int(answer["swap_total"]), int(answer["swap_free"])
        except (KeyError, TypeError, ValueError) as error:
            raise PluginError(f"its answer does not tell the use of {self.of}: {error!r}") from error
        return (100 * (total - free) / total if total > 0 else 0.0), free, total

    def _report(self, percent: float, available: int, total: int) -> None:
        state = self.level.state
        data = {
            "state": state,
            "of": self.of,
            "percent": round(percent, 1),
            "available": available,
            "total": total,
            "above": self.above,
            "below": self.below,
            "summary": f"{self.of} {state}: {percent:.0f} % in use",
        }
        self.event(
            data, severity=self.config["severity"] if state == "high" else "low", unhealthy=state == "high", key=self.of
        )


main(MemoryMonitor)
