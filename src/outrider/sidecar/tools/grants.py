"""What of a tool an agent may use: one place decides what is listed and what is called."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from outrider.core.errors import DeniedError, LimitedError, OutriderError
from outrider.core.tool_settings import ToolGrantSettings
from outrider.runtime.expressions import Expression
from outrider.sidecar.llm.buckets import Bucket

ALL = "*"
# So often is what is percent-encoded decoded, to see whether it leads out of a folder.
UNQUOTED = 4
# Unicode's category Cc.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


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
        self._folded = frozenset(argument.casefold() for argument in settings.arguments)
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
        self._check_twins(name, arguments)
        if self._condition is not None and not self._condition.met({"arguments": arguments}):
            raise DeniedError(
                f"tool '{name}': these arguments are not granted", found=repr(arguments)[:200], expected=self.settings.when,
                suggestions=["call it with other arguments"],
            )  # fmt: skip

    def _check_twins(self, name: str, arguments: dict[str, Any]) -> None:
        """Refuse a key that a server which looks at no case may take for one that is bound."""
        for key in arguments:
            if key.casefold() in self._folded and key not in self.settings.arguments:
                raise DeniedError(
                    f"tool '{name}': argument '{key[:128]}' differs from a bound one in its case only", path=key[:128],
                    suggestions=["leave it out"],
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


def choose(grants: Sequence[Grant], name: str, arguments: dict[str, Any]) -> Grant:
    """Return the grant under which a call runs: of those that allow it the first that asks a person, else the first.

    Raises:
        OutriderError: None allows it.
    """
    allowing, denied = [], []
    for grant in grants:
        try:
            grant.check(name, arguments)
        except OutriderError as error:
            denied.append(error)
        else:
            allowing.append(grant)
    if not allowing:
        raise denied[0]
    return max(allowing, key=lambda grant: (grant.settings.approval is not None, not grant.settings.asks_of_changes))


def _fits(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):
        return any(_fits(value, one) for one in wanted)
    if not isinstance(wanted, str):
        return _same(value, wanted)
    if not isinstance(value, str):
        return False
    if "*" not in wanted and "?" not in wanted:
        return value == wanted
    return (
        _pattern(wanted).fullmatch(value) is not None and _CONTROL.search(value) is None and not _climbs(value, wanted)
    )


def _same(value: Any, wanted: Any) -> bool:
    """Compare with the types, at every depth: 1 is neither true nor 1.0."""
    if type(value) is not type(wanted):
        return False
    if isinstance(wanted, dict):
        return value.keys() == wanted.keys() and all(_same(value[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return len(value) == len(wanted) and all(map(_same, value, wanted))
    return bool(value == wanted)


@lru_cache(maxsize=1000)
def _pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern in which only `*` and `?` are special; a `*` takes as little as it can and never goes back."""
    first, *rest = (re.escape(part).replace(r"\?", ".") for part in text.split("*"))
    if rest:
        first += "".join(f"(?>.*?{part})" for part in rest[:-1]) + f".*{rest[-1]}"
    return re.compile(first, re.DOTALL)


def _climbs(value: str, pattern: str) -> bool:
    """Return whether a path leaves the folder that a pattern names: `*` would stand for what leads out of it, too."""
    if "/" not in pattern:
        return False
    plain = value
    for _ in range(UNQUOTED if "%" in value else 0):
        plain = unquote(plain)
    return ".." in plain.replace("\\", "/").split("/")


def _denied(name: str, argument: str, found: str, wanted: Any) -> DeniedError:
    return DeniedError(
        f"tool '{name}': argument '{argument}' is not granted so", path=argument, found=found, expected=str(wanted),
        suggestions=["call it with what is expected"],
    )  # fmt: skip
