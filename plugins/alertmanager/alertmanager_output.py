"""Output: opens and resolves alerts of an Alertmanager by the reports of runs."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from outrider_config import config_error
from outrider_delivery import NAME, SEVERITIES, TEXT, Newest, Report, line
from outrider_http import Endpoint, encoded
from outrider_plugin import Output, PluginError, Request, main, seconds

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ANSWER = 1024 * 1024
LONGEST = timedelta(days=3660)
LABEL = re.compile(r"(?!(?:alertname|severity|source)\Z)[a-zA-Z_][a-zA-Z0-9_]*")


class Alertmanager(Output):
    """One Alertmanager; one report at a time, because the last one counts."""

    def setup(self) -> None:
        for name, value in self.config["labels"].items():
            if not LABEL.fullmatch(name):
                raise config_error("labels", repr(name), "names of letters, digits and _, other than the plugin's own")
            if not line(value, TEXT):
                raise config_error("labels", f"{name} without a text", "a value for each")
        lasting = seconds(self.config["expires"])
        if lasting > LONGEST.total_seconds():
            raise config_error("expires", self.config["expires"], f"at most {LONGEST.days} days")
        self.expires = timedelta(seconds=lasting)
        if re.search(r"[?#]", self.config["url"]):
            raise config_error("url", "a URL with a query", "the URL of the Alertmanager alone")
        self.endpoint = Endpoint(self.config["url"].rstrip("/") + "/api/v2/alerts", self.config)
        self.newest = Newest()

    def execute(self, request: Request) -> dict[str, Any]:
        report = Report(request.input)
        firing = self.is_firing(report)
        if firing is None:
            return {"alert": "unchanged", "summary": f"a run that is {report.state} changes no alert"}
        finished = report.finished or datetime.now(UTC)
        subject = f"{report.rule} {report.source}"
        if self.newest.passed(subject, finished):
            return {"alert": "unchanged", "summary": "a newer report of this rule and source was sent before"}
        alerts = self.alerts(request, report, finished, firing=firing)
        word = "firing" if firing else "resolved"
        if not alerts:
            self.newest.remember(subject, finished)
            return {"alert": "unchanged", "summary": "no alert was active"}
        status, _ = self.endpoint.exchange(self, request, encoded(alerts))
        self.newest.remember(subject, finished)
        return {"alert": word, "status": status, "summary": f"{self.endpoint.server} answered {status}, {word}"}

    def is_firing(self, report: Report) -> bool | None:
        """Return whether the report opens an alert or resolves one; None leaves it as it is."""
        if self.config["resolve"] == "event":
            return line(report.data.get("state"), NAME) not in self.config["resolve_on"]
        if self.config["resolve"] == "never":
            return True
        return {"completed": False, "failed": True, "unknown": True}.get(report.state)

    def alerts(self, request: Request, report: Report, finished: datetime, *, firing: bool) -> list[dict[str, Any]]:
        """Return what changes: an alert that fires or goes on to, and those that are resolved.

        An alert is told by its labels, and the severity is one of them: an event that says that all is well has another one
        than the event before it. So the alerts of the other severities are resolved with it.
        """
        ends = dict.fromkeys(() if self.config["resolve"] == "never" else self._active(request, report), finished)
        if firing:
            # Without an end it would be resolved after the Alertmanager's own resolve_timeout.
            ends[report.severity] = finished + self.expires
        return [
            {
                "labels": self._labels(report, severity),
                "annotations": notes(report),
                "startsAt": min(report.seen or finished, finished).isoformat(),
                "endsAt": end.isoformat(),
            }
            for severity, end in ends.items()
        ]

    def _active(self, request: Request, report: Report) -> list[str]:
        """Return the severities of the report's alerts that are active."""
        expected = {severity: self._labels(report, severity) for severity in SEVERITIES}
        named = {name: value for name, value in expected[report.severity].items() if name != "severity"}
        query = urlencode(
            [("filter", f"{name}={json.dumps(value, ensure_ascii=False)}") for name, value in named.items()]
        )
        _, text = self.endpoint.exchange(self, request, None, query=query, limit=ANSWER)
        try:
            found = [alert["labels"] for alert in json.loads(text)]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise PluginError("the list of alerts cannot be read", code="UNAVAILABLE", retryable=True) from error
        return [severity for severity, labels in expected.items() if labels in found]

    def _labels(self, report: Report, severity: str) -> dict[str, str]:
        own = {"alertname": report.rule, "severity": severity, "source": report.source}
        return {**{name: line(value, TEXT) for name, value in self.config["labels"].items()}, **own}


def notes(report: Report) -> dict[str, str]:
    """Return what people read."""
    told = {"summary": report.summary, "description": report.message, "run": report.run, "state": report.state}
    return {name: text for name, text in told.items() if text}


main(Alertmanager)
