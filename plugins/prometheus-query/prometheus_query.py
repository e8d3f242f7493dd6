"""Trigger: asks Prometheus a query and reports `bad` and `good` for each series, `down` and `up` for the server."""

from __future__ import annotations

import math
from urllib.parse import urlencode

from outrider_json import configured, read_json
from outrider_plugin import PluginError, main
from outrider_probe import Probing
from prometheus_answer import Answer, Change, Watch, read_answer

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SHOWN = 200
SHOWN_WARNINGS = 5
OWN_HEADERS = {
    "User-Agent": "outrider-prometheus-query",
    "Accept": "application/json",
    "Connection": "close",
    "Content-Type": "application/x-www-form-urlencoded",
}


class PrometheusQuery(Probing):
    """One query at one server."""

    def setup(self) -> None:
        super().setup()
        above, below = self.config.get("above"), self.config.get("below")
        if above is not None and below is not None and below > above:
            raise PluginError(
                f"config.below is {below:g}, expected at most config.above, {above:g}", code="INVALID_CONFIG"
            )
        limits = (("above", above), ("below", below))
        self.condition = " or ".join(f"{word} {limit}" for word, limit in limits if limit is not None)
        self.watch = Watch(above, below, self.config["max_series"])
        self.client = configured(self.config, self.config["url"].rstrip("/") + "/api/v1/query", OWN_HEADERS)
        self.form = urlencode({"query": self.config["query"]}).encode()
        self.left_out = 0
        self.warnings: list[str] = []

    def look(self, deadline: float) -> dict[str, Any]:
        answer = read_response(*self.client.ask(deadline, self.form))
        return {"state": "up", "detail": f"{len(answer.samples)} series", "answer": answer}

    def down(self, detail: str) -> dict[str, Any]:
        return {"state": "down", "detail": detail[:SHOWN], "answer": None}

    def take(self, found: dict[str, Any]) -> None:
        super().take(found)
        if found["answer"] is not None:
            self._take(found["answer"])

    def report(self, found: dict[str, Any]) -> None:
        """Report the server's state. Bad series stay what they are while it is down."""
        url, state, detail = self.config["url"], found["state"], found["detail"]
        self._report(state, detail, f"{url} {state}: {detail}", key=url)

    def _take(self, answer: Answer) -> None:
        if answer.warnings != self.warnings:
            self.warnings = answer.warnings
            for text in answer.warnings[:SHOWN_WARNINGS]:
                self.log(f"the server warns: {text[:SHOWN]}")
        for change in self.watch.changes(answer):
            self._series(change)
        if self.watch.left_out != self.left_out:
            self.left_out = self.watch.left_out
            self.log(f"{self.left_out} more series are bad, above max_series, {self.config['max_series']}")

    def _series(self, change: Change) -> None:
        state, sample = "bad" if change.bad else "good", change.sample
        if sample is None:
            detail, value = "the series is gone", None
        else:
            detail = f"{sample.text} is {'' if change.bad else 'not '}{self.condition}"
            value = sample.value if math.isfinite(sample.value) else None
        summary = f"{change.name[:SHOWN]} {state}: {detail}"
        series = {"series": change.name, "labels": change.labels, "value": value}
        self._report(state, detail, summary, key=change.name, series=series)

    def _report(self, state: str, detail: str, summary: str, *, key: str, series: dict[str, Any] | None = None) -> None:
        about = {"url": self.config["url"], "query": self.config["query"], "condition": self.condition}
        none: dict[str, Any] = {"series": "", "labels": {}, "value": None}
        data = {"state": state, **about, **(series or none), "detail": detail, "summary": summary}
        unhealthy = state in ("bad", "down")
        self.event(data, severity=self.config["severity"] if unhealthy else "low", unhealthy=unhealthy, key=key)


def read_response(status: int, body: bytes) -> Answer:
    """Return the answer of a response; raise ValueError for what is none. An error says more than its status."""
    good = 200 <= status < 300
    try:
        document = read_json(body)
    except ValueError:
        if good:
            raise
        document = None
    if not good and not (isinstance(document, dict) and document.get("status") == "error"):
        raise ValueError(f"the server answered {status}")
    return read_answer(document)


main(PrometheusQuery)
