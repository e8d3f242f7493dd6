"""Trigger: asks a URL for JSON and reports `good`, `bad` and `down` when what it says of one value changes."""

from __future__ import annotations

import json
import re

from outrider_json import configured, read_json
from outrider_plugin import PluginError, main
from outrider_probe import Probing

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SHOWN = 200
STEP = re.compile(r'\["([^"]*)"\]|\[(\d+)\]|\.?([^.\[\]"]+)')
OWN_HEADERS = {"User-Agent": "outrider-http-json", "Accept": "application/json", "Connection": "close"}


class UntoldError(ValueError):
    """The condition can be applied to no value."""


class HttpJson(Probing):
    """One value of one URL."""

    def setup(self) -> None:
        super().setup()
        self.client = configured(self.config, self.config["url"], OWN_HEADERS)
        self.status: int | None = None
        self.steps = steps(self.config["path"])
        self.condition, self.holds = self._condition()

    def _condition(self) -> tuple[str, Callable[[Any], bool]]:
        """Return the condition as people read it, and what tells whether it holds."""
        if "above" in self.config:
            limit = self.config["above"]
            return f"above {shown(limit)}", lambda value: number(value) > limit
        if "below" in self.config:
            limit = self.config["below"]
            return f"below {shown(limit)}", lambda value: number(value) < limit
        if "equals" in self.config:
            wanted = self.config["equals"]
            return f"equals {shown(wanted)}", lambda value: same(value, wanted)
        try:
            found = re.compile(self.config["matches"])
        except re.error as error:
            raise PluginError(f"config.matches is no regular expression: {error}", code="INVALID_CONFIG") from error
        return f"matches {found.pattern}", lambda value: found.search(text(value)) is not None

    def report(self, found: dict[str, Any]) -> None:
        good = found["state"] == "good"
        data = {
            "url": self.config["url"],
            "path": self.config["path"],
            "condition": self.condition,
            **found,
            "summary": f"{found['state']}: {found['detail']}",
        }
        severity = "low" if good else self.config["severity"]
        self.event(data, severity=severity, unhealthy=not good, key=self.config["url"])

    def look(self, deadline: float) -> dict[str, Any]:
        self.status = None
        self.status, body = self.client.ask(deadline)
        if not 200 <= self.status < 300:
            raise ValueError(f"the server answered {self.status}")
        return {**self._judge(value_at(read_json(body), self.steps)), "status": self.status}

    def down(self, detail: str) -> dict[str, Any]:
        return outcome("down", readable(detail), status=self.status)

    def _judge(self, value: Any) -> dict[str, Any]:
        met = self.holds(value)
        detail = f"{self.config['path'] or 'the answer'} is {shown(value)}, {'' if met else 'not '}{self.condition}"
        bad = met == (self.config["bad_when"] == "met")
        kept = readable(value[:SHOWN]) if isinstance(value, str) else value
        return outcome(
            "bad" if bad else "good", readable(detail), met=met, value=None if isinstance(value, dict | list) else kept
        )


def steps(path: str) -> list[str | int]:
    """Return the names and indices of a path that has the form of the schema."""
    return [int(index) if index else name or quoted for quoted, index, name in STEP.findall(path)]


def value_at(document: Any, path: list[str | int]) -> Any:
    """Return what is at a path.

    Raises:
        UntoldError: Nothing is.
    """
    value = document
    for step in path:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                raise UntoldError(f"there is no [{step}] in {shown(value)}")
        elif not isinstance(value, dict) or step not in value:
            raise UntoldError(f"there is no {step!r} in {shown(value)}")
        value = value[step]
    return value


def number(value: Any) -> float:
    """Return a number; raise UntoldError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UntoldError(f"the value is {shown(value)}, expected a number")
    return value


def text(value: Any) -> str:
    """Return a text; raise UntoldError for anything else."""
    if not isinstance(value, str):
        raise UntoldError(f"the value is {shown(value)}, expected a text")
    return value


def same(value: Any, wanted: Any) -> bool:
    """Tell whether two values of JSON are the same; for Python True is 1."""
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def shown(value: Any) -> str:
    """Return a value as people read it."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    return json.dumps(value, ensure_ascii=False)[:SHOWN]


def readable(line: str) -> str:
    """Return text that has a UTF-8 form: JSON can hold one half of a surrogate pair."""
    return line.encode("utf-8", "replace").decode()


def outcome(
    state: str, detail: str, *, status: int | None = None, met: bool | None = None, value: Any = None
) -> dict[str, Any]:
    """Return what an event says of one look."""
    return {"state": state, "detail": detail, "status": status, "met": met, "value": value}


main(HttpJson)
