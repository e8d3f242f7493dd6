"""Trigger: has the agent read the systemd journal and reports each entry that matches."""

from __future__ import annotations

import re

from outrider_measure import Measuring
from outrider_plugin import PluginError, main, seconds

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILTERS = ("unit", "identifier", "priority", "namespace")
SEVERITIES = {0: "critical", 1: "critical", 2: "critical", 3: "high", 4: "medium"}
SHOWN = 200


class Journald(Measuring):
    """One journal, from the moment of the first look on."""

    def setup(self) -> None:
        self.every = seconds(self.config["every"])
        if self.every <= 0:
            raise PluginError(f"config.every is {self.config['every']}, expected more than 0", code="INVALID_CONFIG")
        try:
            self.pattern = re.compile(self.config["matches"])
        except re.error as error:
            raise PluginError(f"config.matches is no regular expression: {error}", code="INVALID_CONFIG") from error
        self.filters = {name: self.config[name] for name in FILTERS if name in self.config}
        self.cursor = ""

    def measure(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        more = True
        while more and not self.stopping:
            answer = self._ask()
            try:
                # An empty journal has no place to begin at.
                self.cursor, more = str(answer["cursor"]), bool(answer["more"]) and not found
                found += answer["entries"]
            except (KeyError, TypeError) as error:
                raise PluginError(f"its answer cannot be read: {error!r}") from error
        return found

    def _ask(self) -> Any:
        try:
            return self.call("host.journal", after=self.cursor, **self.filters)
        except PluginError as error:
            if error.body["code"] == "INVALID_CONFIG" and self.cursor:
                self.log(f"the place in the journal is gone, what came meanwhile is not reported: {error}")
                self.cursor = ""
            raise

    def judge(self, found: list[dict[str, Any]]) -> None:
        for entry in found:
            if self.stopping:
                return
            if self.pattern.search(str(entry["message"])):
                self._report(entry)

    def _report(self, entry: dict[str, Any]) -> None:
        who = entry["unit"] or entry["identifier"]
        data = {name: entry[name] for name in ("time", "unit", "identifier", "pid", "priority", "message")} | {
            "state": "entry",
            "summary": f"{who}: {entry['message'][:SHOWN]}",
        }
        self.event(data, severity=SEVERITIES.get(entry["priority"], "low"))


main(Journald)
