"""Trigger: has the agent ping a machine and reports `up`, `degraded` and `down` when they change."""

from __future__ import annotations

from outrider_measure import Measuring
from outrider_plugin import PluginError, main, seconds

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST_SECONDS = 280.0  # the operation itself may take five minutes
SPARE_SECONDS = 10.0


class Ping(Measuring):
    """One machine. The plugin itself has no network."""

    def setup(self) -> None:
        self.every = seconds(self.config["every"])
        self.timeout = seconds(self.config["timeout"])
        for field, length in (("every", self.every), ("timeout", self.timeout)):
            if length <= 0:
                raise PluginError(
                    f"config.{field} is {self.config[field]}, expected more than 0", code="INVALID_CONFIG"
                )
        self.longest = self.timeout * (self.config["count"] + 1)
        if self.longest > LONGEST_SECONDS:
            raise PluginError(
                f"config.timeout is {self.config['timeout']} with {self.config['count']} requests, expected at most"
                f" {LONGEST_SECONDS:g} s in all",
                code="INVALID_CONFIG",
            )
        self.slow = seconds(self.config["max_latency"]) * 1000 if "max_latency" in self.config else None
        self.last = ""

    def measure(self) -> dict[str, Any]:
        asked = {"host": self.config["host"], "count": self.config["count"], "timeout": self.config["timeout"]}
        answer = self.call_within(self.longest + SPARE_SECONDS, "host.ping", **asked)
        try:
            sent, received = int(answer["sent"]), int(answer["received"])
            loss = round((sent - received) * 100 / sent)
            found = {"address": str(answer["address"]), "sent": sent, "received": received, "loss_percent": loss}
            return {**found, "latency_ms": float(answer["latency_ms"]), "reason": str(answer["reason"])}
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise PluginError(f"its answer cannot be read: {error!r}") from error

    def judge(self, found: dict[str, Any]) -> None:
        state, detail = self._state(found)
        if state == self.last:
            return
        self.last = state
        host = self.config["host"]
        reason = found.pop("reason")
        data = {
            "state": state,
            "host": host,
            **found,
            "detail": detail or reason,
            "summary": f"{host} {state}: {detail or reason}",
        }
        bad = state != "up"
        self.event(data, severity=self.config["severity"] if bad else "low", unhealthy=bad, key=host)

    def _state(self, found: dict[str, Any]) -> tuple[str, str]:
        answers = f"{found['received']} of {found['sent']} answered"
        mean = f"in {found['latency_ms']:g} ms"
        if not found["received"]:
            return "down", ""
        if found["loss_percent"] > self.config["max_loss"]:
            return "degraded", answers
        if self.slow is not None and found["latency_ms"] > self.slow:
            return "degraded", f"{answers}, {mean}, expected at most {self.slow:g} ms"
        return "up", f"{answers}, {mean}"


main(Ping)
