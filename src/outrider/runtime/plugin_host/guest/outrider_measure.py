"""For triggers that measure something again and again: thresholds with hysteresis, sizes, and the loop. Standard library only."""

from __future__ import annotations

import time

from outrider_plugin import PluginError, Trigger

# A type checker takes this for true. Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_UNITS = {
    "": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip


def size(text: str) -> int:
    """Return the bytes of a size such as `5GB`, `512MiB` or `1000`."""
    number = text.rstrip("kKMGTiB ")
    unit = text[len(number) :].strip()
    return int(float(number) * _UNITS[unit.removesuffix("B") if unit in ("B", "KiB", "MiB", "GiB", "TiB") else unit])


def thresholds(config: dict[str, Any]) -> tuple[float, float]:
    """Return `above` and `below` of a configuration; the second is the first where it is absent.

    Raises:
        PluginError: They stand the wrong way round.
    """
    above = config["above"]
    below = config.get("below", above)
    if below > above:
        raise PluginError(f"config.below is {below:g}, expected at most config.above, {above:g}", code="INVALID_CONFIG")
    return above, below


class Level:
    """`high` and `normal` with two thresholds; between them the state stays, and each must last before it counts.

    Args:
        above: Value from which it is high.
        below: Value up to which it is normal.
        lasting: Seconds that a new state must last.
    """

    def __init__(self, above: float, below: float, lasting: float) -> None:
        self._above = above
        self._below = below
        self._lasting = lasting
        self._since: float | None = None
        self.state = ""

    def changed(self, value: float, now: float) -> bool:
        """Take a measurement of the time `now` (s) and tell whether the state is another one now."""
        next_state = self._next_state(value)
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

    def _next_state(self, value: float) -> str:
        if value >= self._above:
            return "high"
        return "normal" if value <= self._below or not self.state else self.state


class Measuring(Trigger):
    """A trigger that looks every `every` seconds; a failure is logged once, and changes no state: not knowing is not bad.

    Attributes:
        every: Set in `setup`.
    """

    every: float

    def measure(self) -> Any:
        """Return what is found; raises PluginError where that cannot be told."""
        raise NotImplementedError

    def judge(self, found: Any) -> None:
        """Report what has changed."""
        raise NotImplementedError

    def run(self) -> None:
        told = ""
        due = time.monotonic()
        while not self.wait(max(0.0, due - time.monotonic())):
            due = max(due + self.every, time.monotonic())
            try:
                found = self.measure()
                told = ""
            except PluginError as error:
                if not self.stopping and str(error) != told:
                    told = str(error)
                    self.log(f"cannot be measured: {error}")
                continue
            self.judge(found)
