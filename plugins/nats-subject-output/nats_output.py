"""Output: publishes each report on a NATS subject, or into a stream of JetStream."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from nats_delivery import Session, failure, publish, store
from outrider_config import config_error, host_and_port, tls_context
from outrider_delivery import mapping
from outrider_nats import FAULTS, connected
from outrider_plugin import CancelledError, Output, Request, main, seconds

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import Future
    from typing import Any

TICK, LOOKUPS, PART = 0.05, 4, 100
FIELDS = ("rule", "state", "severity")


class NatsOutput(Output):
    """One subject, or one for each rule, state or severity."""

    def setup(self) -> None:
        for server in self.config["servers"]:
            host_and_port("servers", server.removeprefix("nats://"))
        self._check_subject()
        self.options: dict[str, Any] = {
            field: self.config[field] for field in ("user", "password", "token") if field in self.config
        }
        if "token" in self.options and "user" in self.options:
            raise config_error("token", "given", "either a token or a user")
        if "ca_file" in self.config and not self.config["tls"]:
            raise config_error("tls", "false", "true where there is a ca_file")
        self.context = tls_context(self.config.get("ca_file")) if self.config["tls"] else None
        self.timeout = seconds(self.config["timeout"])
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(ThreadPoolExecutor(LOOKUPS))
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def _check_subject(self) -> None:
        subject = self.config["subject"]
        # The schema does not see what a secret holds, nor which fields there are.
        if not re.fullmatch(r"[^\s.*>]+(\.[^\s.*>]+)*", subject) or set("{}") & set(subject_of(subject, {})):
            expected = f"parts between dots, with fields of {', '.join(f'{{{name}}}' for name in FIELDS)}"
            raise config_error("subject", repr(subject), expected)

    def execute(self, request: Request) -> dict[str, Any]:
        subject = subject_of(self.config["subject"], request.input)
        body = json.dumps(request.input, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        timeout = min(self.timeout, request.timeout)
        work = self._deliver(subject, body, request.idempotency_key, timeout)
        done = self._wait(asyncio.run_coroutine_threadsafe(work, self.loop), request, timeout)
        told = "was there already" if done.get("duplicate") else "published"
        where = f" as {done['stream']}:{done['sequence']}" if "stream" in done else ""
        return {"subject": subject, **done, "summary": f"{told} on {subject}{where}"}

    def _wait(self, work: Future[dict[str, Any]], request: Request, timeout: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        while not work.done():
            if request.cancelled or self.stopping or time.monotonic() >= deadline:
                work.cancel()
                if request.cancelled or self.stopping:
                    raise CancelledError
                raise failure(TimeoutError(), ", ".join(self.config["servers"]), timeout)
            try:
                return work.result(TICK)
            except TimeoutError:
                continue
        return work.result()

    async def _deliver(self, subject: str, body: bytes, key: str, timeout: float) -> dict[str, Any]:
        servers = self.config["servers"]
        begun = functools.partial(Session, self.context)
        try:
            # Each server gets its part of the time.
            async with connected(servers, begun, timeout=timeout / len(servers), options=self.options) as session:
                if not self.config["jetstream"]:
                    await publish(session, subject, body, key, timeout=timeout)
                    return {}
                return await store(session, subject, body, key, timeout=timeout)
        except FAULTS as error:
            raise failure(error, ", ".join(servers), timeout) from error


def subject_of(template: str, report: dict[str, Any]) -> str:
    """Return the subject for a report; what cannot stand in a part of one is `_` there."""
    event = mapping(report.get("event"))
    values = {"rule": report.get("rule"), "state": report.get("state"), "severity": event.get("severity", "medium")}
    for name in FIELDS:
        value = values[name]
        text = value if isinstance(value, str) and value else "unknown"
        template = template.replace(f"{{{name}}}", re.sub(r"[^!-~]|[.*>{}]", "_", text[:PART]))
    return template


main(NatsOutput)
