"""What of a tool an agent may use: one place decides what is listed and what is called."""

from fnmatch import fnmatchcase
from typing import Any

from outrider.core.errors import DeniedError, LimitedError
from outrider.core.sidecar_settings import ToolGrantSettings
from outrider.runtime.expressions import Expression
from outrider.sidecar.llm.buckets import Bucket

ALL = "*"


class Grant:
    """Tools of a server that the agent may call.

    Args:
        settings: What it says.
        now: On the clock that cannot be set.

    Raises:
        InvalidConfigError: Its condition is no expression.
    """

    def __init__(self, settings: ToolGrantSettings, now: float) -> None:
        self.settings = settings
        self._condition = Expression(settings.when, ("arguments",)) if settings.when else None
        rate = settings.calls_per_minute
        self._bucket = Bucket(rate, rate / 60, now) if rate is not None else None

    def covers(self, tool: str) -> bool:
        """Return whether a tool, as its server calls it, is named."""
        return ALL in self.settings.tools or tool in self.settings.tools

    def check(self, name: str, arguments: dict[str, Any]) -> None:
        """Refuse arguments that are not granted.

        Raises:
            DeniedError: One does not fit, or the condition does not hold.
        """
        for argument, wanted in self.settings.arguments.items():
            if argument not in arguments:
                raise _denied(name, argument, "absent", wanted)
            if not _fits(arguments[argument], wanted):
                raise _denied(name, argument, repr(arguments[argument])[:200], wanted)
        if self._condition is not None and not self._condition.met({"arguments": arguments}):
            raise DeniedError(
                f"tool '{name}': these arguments are not granted", found=repr(arguments)[:200], expected=self.settings.when,
                suggestions=["call it with other arguments"],
            )  # fmt: skip

    def take(self, name: str, now: float) -> None:
        """Count a call.

        Raises:
            LimitedError: There were too many.
        """
        if self._bucket is None:
            return
        wait = self._bucket.wait(1, now)
        if wait > 0:
            raise LimitedError(
                f"tool '{name}' was called too often", found=f"again possible in {wait:.1f} s",
                expected=f"at most {self.settings.calls_per_minute} calls a minute",
            )  # fmt: skip
        self._bucket.take(1, now)


def _fits(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):
        return any(_fits(value, one) for one in wanted)
    if isinstance(wanted, str):
        return isinstance(value, str) and fnmatchcase(value, wanted) and not _climbs(value, wanted)
    return type(value) is type(wanted) and bool(value == wanted)


def _climbs(value: str, pattern: str) -> bool:
    """Return whether a path leaves the folder that a pattern names: `*` would stand for what leads out of it, too."""
    return "/" in pattern and any(part == ".." for part in value.replace("\\", "/").split("/"))


def _denied(name: str, argument: str, found: str, wanted: Any) -> DeniedError:
    return DeniedError(
        f"tool '{name}': argument '{argument}' is not granted so", path=argument, found=found, expected=str(wanted),
        suggestions=["call it with what is expected"],
    )  # fmt: skip
