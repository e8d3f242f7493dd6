"""Output: triggers and resolves incidents through the Events API v2 of PagerDuty."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

from outrider_config import config_error
from outrider_delivery import TEXT, Newest, Report, line
from outrider_http import Endpoint, encoded
from outrider_plugin import Output, Request, main

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SEVERITY = {"low": "info", "medium": "warning", "high": "error", "critical": "critical"}
# What the service takes: 512 kB for an event, 1024 characters for a summary, 255 for a dedup key.
EVENT_BYTES, SUMMARY, DEDUP_KEY = 512_000, 1024, 255
STEPS, CUT_DATA = 50, 10_000


class PagerdutyEvents(Output):
    """One routing key; one report at a time, because the last one counts."""

    def setup(self) -> None:
        # The schema does not see what a secret holds.
        if not re.fullmatch(r"[A-Za-z0-9]{32}", self.config["routing_key"]):
            raise config_error("routing_key", "no integration key", "32 letters and digits")
        both = sorted({*self.config["trigger_on"]} & {*self.config["resolve_on"]})
        if both:
            raise config_error("resolve_on", f"also {', '.join(both)}", "none of config.trigger_on")
        self.actions = dict.fromkeys(self.config["trigger_on"], "trigger")
        self.actions |= dict.fromkeys(self.config["resolve_on"], "resolve")
        self.endpoint = Endpoint(self.config["url"], self.config)
        self.newest = Newest()

    def execute(self, request: Request) -> dict[str, Any]:
        report = Report(request.input)
        key = self.dedup_key(report)
        action = self.actions.get(report.state)
        finished = report.finished or datetime.now(UTC)
        if action is None:
            return {"action": "none", "summary": f"a run that is {report.state} changes no incident"}
        if self.newest.passed(key, finished):
            return {"action": "none", "summary": "a newer report of this rule and source was sent before"}
        status, _ = self.endpoint.exchange(self, request, self.event(report, action, key))
        self.newest.remember(key, finished)
        told = {"action": action, "dedup_key": key, "status": status}
        return {**told, "summary": f"{self.endpoint.server} answered {status}, {action}"}

    def dedup_key(self, report: Report) -> str:
        """Return what makes reports one incident: the rule and the event's source."""
        key = f"{self.config['dedup_prefix']}/{report.rule}/{report.source}"
        if len(key) <= DEDUP_KEY:
            return key
        return f"{self.config['dedup_prefix']}/{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()}"

    def event(self, report: Report, action: str, key: str) -> bytes:
        """Return an event as the service takes it; the event's own data is cut where all of it is too long."""
        event = {"routing_key": self.config["routing_key"], "event_action": action, "dedup_key": key}
        if action == "resolve":
            return encoded(event)
        document = encoded({**event, "client": "Outrider", "payload": payload(report, report.data)})
        if len(document) > EVENT_BYTES:
            cut = {"cut": line(report.data, CUT_DATA)}
            document = encoded({**event, "client": "Outrider", "payload": payload(report, cut)})
        return document


def payload(report: Report, data: dict[str, Any]) -> dict[str, Any]:
    """Return what a trigger says about itself."""
    steps = [line(step, TEXT) for step in report.steps[:STEPS]]
    if len(report.steps) > STEPS:
        steps.append(f"… and {len(report.steps) - STEPS} more steps")
    details = {
        "run": report.run,
        "rule": report.rule,
        "state": report.state,
        "message": report.message,
        "steps": steps,
        "event": data,
    }
    return {
        "summary": line(f"{report.rule} {report.state}: {report.summary}", SUMMARY),
        "source": report.source,
        "severity": SEVERITY[report.severity],
        "group": report.rule,
        **({"class": report.kind} if report.kind else {}),
        **({"timestamp": report.seen.isoformat()} if report.seen else {}),
        "custom_details": details,
    }


main(PagerdutyEvents)
