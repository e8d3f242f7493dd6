"""Trigger: asks the agent for the space and the inodes of a file system and reports `high` and `normal` when they last."""

from __future__ import annotations

import time

from outrider_measure import Level, Measuring, size
from outrider_plugin import PluginError, main, seconds

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MEASURED = ("size", "free", "percent", "inodes_free", "inodes_percent")


def readable(count: float) -> str:
    """Return bytes for people, such as `1.5 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


class DiskMonitor(Measuring):
    """The file system that a path is on."""

    def setup(self) -> None:
        self.path = self.config["path"]
        self.every = seconds(self.config["every"])
        self.levels: dict[str, Level] = {}
        for of, above, below in (("space", "above", "below"), ("inodes", "inodes_above", "inodes_below")):
            if above in self.config:
                self._watch(of, (above, self.config[above]), (below, self.config.get(below, self.config[above])))
        if "free_below" in self.config:
            low = self.config["free_below"]
            high = self.config.get("free_above", low)
            # Little free space is what is high, so the values of this level are negative.
            self._watch("free", ("free_below", -size(low)), ("free_above", -size(high)))

    def _watch(self, of: str, above: tuple[str, float], below: tuple[str, float]) -> None:
        if below[1] > above[1]:
            bound = "at least" if of == "free" else "at most"
            raise PluginError(
                f"config.{below[0]} is {self.config[below[0]]}, expected {bound} config.{above[0]}, "
                f"{self.config[above[0]]}",
                code="INVALID_CONFIG",
            )
        self.levels[of] = Level(above[1], below[1], seconds(self.config["for"]))

    def measure(self) -> dict[str, Any]:
        answer = self.call("host.disk", path=self.path)
        try:
            disk = {name: float(answer["disks"][0][name]) for name in MEASURED}
        except (LookupError, TypeError, ValueError) as error:
            raise PluginError(f"its answer does not measure {self.path}: {error!r}") from error
        if disk["size"] <= 0:
            raise PluginError(f"{self.path} is on a file system that has no space at all")
        return {name: value if name.endswith("percent") else int(value) for name, value in disk.items()}

    def judge(self, disk: dict[str, Any]) -> None:
        values = {"space": disk["percent"], "free": -disk["free"], "inodes": disk["inodes_percent"]}
        for of, level in self.levels.items():
            if level.changed(values[of], time.monotonic()):
                self._report(of, level.state, disk)

    def _report(self, of: str, state: str, disk: dict[str, Any]) -> None:
        found = {
            "space": f"{disk['percent']:.0f} % in use",
            "free": f"{readable(disk['free'])} free",
            "inodes": f"{disk['inodes_percent']:.0f} % of the inodes in use",
        }
        data = {"state": state, "of": of, "path": self.path, **disk, "summary": f"{self.path} {state}: {found[of]}"}
        self.event(
            data, severity=self.config["severity"] if state == "high" else "low", unhealthy=state == "high", key=of
        )


main(DiskMonitor)
