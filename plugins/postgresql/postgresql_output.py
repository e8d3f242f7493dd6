"""Output: inserts each report into a table of a PostgreSQL database."""

from __future__ import annotations

import json
import re

from insertion import Table
from outrider_config import config_error
from outrider_delivery import mapping, moment
from outrider_plugin import Output, PluginError, Request, main, seconds
from outrider_postgresql import connection_parameters

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TABLE = r"(?:[A-Za-z_][A-Za-z0-9_]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,62}"
# An escape of U+0000, and not a backslash of the text with those characters after it.
NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


class Postgresql(Output):
    """One table."""

    def setup(self) -> None:
        # The schema does not see what a secret holds.
        if not re.fullmatch(TABLE, self.config["table"]):
            raise config_error(
                "table", repr(self.config["table"]), "table or schema.table, in ASCII letters and digits"
            )
        parameters = connection_parameters(self.config)
        self.server = self.config["url"].rpartition("@")[2]
        self.timeout = seconds(self.config["timeout"])
        self.table = Table(parameters, self.config["table"], self.server)

    def execute(self, request: Request) -> dict[str, Any]:
        row = row_of(request)
        timeout = min(self.timeout, request.timeout)
        inserted = self.table.insert(row, timeout, lambda: request.cancelled or self.stopping)
        summary = "inserted into" if inserted else "was already in"
        return {"inserted": inserted, "summary": f"{summary} {self.config['table']} of {self.server}"}


def row_of(request: Request) -> dict[str, Any]:
    """Return the values of a report by column.

    Raises:
        PluginError: It has no run, by which it is told from others.
    """
    report = request.input
    event = mapping(report.get("event"))
    run = text(report.get("run")) or text(request.context.get("run")) or request.idempotency_key
    if not run:
        raise PluginError("the report names no run")
    return {
        "run": run,
        "output": text(request.context.get("output")) or "",
        "rule": text(report.get("rule")),
        "state": text(report.get("state")),
        "severity": text(event.get("severity", "medium")),
        "source": text(event.get("source")),
        "message": text(report.get("message")),
        "started": moment(report.get("started")),
        "finished": moment(report.get("finished")),
        "report": document(report),
    }


def text(value: Any) -> str | None:
    """Return a text as PostgreSQL can hold it: without U+0000 and halves of surrogate pairs."""
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode() if isinstance(value, str) else None


def document(report: dict[str, Any]) -> str:
    """Return a report as jsonb can hold it."""
    dumped = json.dumps(report, ensure_ascii=False, separators=(",", ":"))
    return NUL.sub(r"\1\\ufffd", dumped).encode("utf-8", "replace").decode()


main(Postgresql)
