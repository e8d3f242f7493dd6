"""Trigger: asks a PostgreSQL server a query and reports rows that come and go, or a value that leaves its bounds."""

from __future__ import annotations

import json
import math

from bounded_query import Database, NoAnswerError
from outrider_config import length
from outrider_delivery import line
from outrider_measure import Measuring
from outrider_plugin import main
from outrider_postgresql import connection_parameters

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VALUE, SHOWN, TOLD = 500, 100, 300


class Found:
    """What one look found: why there is no answer, or the bad rows by key, or the value."""

    def __init__(self, *, fault: str = "", rows: dict[str, dict[str, Any]] | None = None, value: Any = None) -> None:
        self.fault = fault
        self.rows = rows or {}
        self.value = value


class PostgresqlQuery(Measuring):
    """One query of one database."""

    def setup(self) -> None:
        self.every, timeout = length(self.config, "every"), length(self.config, "timeout")
        self.database = Database(connection_parameters(self.config), timeout)
        self.key: str | None = self.config.get("key")
        self.most = self.config["max_rows"] if self.key is not None else 1
        self.server = ""
        self.state = ""
        self.bad: dict[str, dict[str, Any]] = {}

    def stop(self) -> None:
        super().stop()
        self.database.give_up()

    def measure(self) -> Found:
        try:
            columns, rows = self.database.ask(self.config["query"], self.most)
            if self.key is not None:
                return Found(rows=self._by_key(self.key, columns, rows))
            return Found(value=self._value(rows))
        except NoAnswerError as error:
            return Found(fault=str(error))

    def _by_key(self, key: str, columns: list[str], rows: list[list[Any]]) -> dict[str, dict[str, Any]]:
        if columns.count(key) != 1:
            raise NoAnswerError(f"the result has {columns.count(key)} columns with the name {key!r}, expected one")
        found: dict[str, dict[str, Any]] = {}
        for row in rows:
            named = dict(zip(columns, row, strict=True))
            value = named[key]
            if value is None:
                raise NoAnswerError(f"a row has no key: its {key!r} is null")
            text = value if isinstance(value, str) else json.dumps(value)
            if len(text) > VALUE:
                raise NoAnswerError(f"a row has a key of more than {VALUE} characters")
            found.setdefault(text, {name: plain(item) for name, item in named.items()})
        return found

    def _value(self, rows: list[list[Any]]) -> Any:
        if not rows:
            raise NoAnswerError("the result has no row, expected one")
        value = rows[0][0]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is None or not (number or "equals" in self.config):
            raise NoAnswerError(f"the value is {shown(value)}, expected {'one' if value is None else 'a number'}")
        return value

    def judge(self, found: Found) -> None:
        if self.stopping:
            return
        self._judge_server(found.fault)
        if found.fault:
            return
        if self.key is None:
            self._judge_value(found.value)
        else:
            self._judge_rows(found.rows)

    def _judge_server(self, fault: str) -> None:
        state = "down" if fault else "up"
        if state != self.server:
            self.server = state
            self._report(state, self.config["url"], detail=fault)

    def _judge_value(self, value: Any) -> None:
        name = next(name for name in ("above", "below", "equals") if name in self.config)
        bound = self.config[name]
        state = "bad" if holds(name, value, bound) else "good"
        if state != self.state:
            self.state = state
            detail = f"the value is {shown(value)}, {'' if state == 'bad' else 'not '}{name} {shown(bound)}"
            self._report(state, "value", detail=detail, value=plain(value))

    def _judge_rows(self, rows: dict[str, dict[str, Any]]) -> None:
        for key in [key for key in self.bad if key not in rows]:
            self._report("good", f"row:{key}", detail=f"{line(key, SHOWN)} is gone", thing=key, row=self.bad.pop(key))
        for key, row in rows.items():
            if key not in self.bad:
                self.bad[key] = row
                self._report("bad", f"row:{key}", detail=told(key, row), thing=key, row=row)

    def _report(
        self,
        state: str,
        about: str,
        *,
        detail: str,
        thing: str = "",
        row: dict[str, Any] | None = None,
        value: Any = None,
    ) -> None:
        data = {
            "state": state,
            "url": self.config["url"],
            "key": thing,
            "row": row or {},
            "value": value,
            "detail": detail,
            "summary": f"{state}: {detail}" if detail else state,
        }
        unhealthy = state in {"bad", "down"}
        self.event(data, severity=self.config["severity"] if unhealthy else "low", unhealthy=unhealthy, key=about)


def holds(name: str, value: Any, bound: Any) -> bool:
    """Tell whether a value is `above`, `below` or `equals` the bound."""
    if name == "equals":
        # For Python True is 1.
        return isinstance(value, bool) == isinstance(bound, bool) and bool(value == bound)
    return bool(value > bound if name == "above" else value < bound)


def plain(value: Any) -> Any:
    """Return a value as an event has it: long texts are cut, NaN and infinity are null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return f"{value[: VALUE - 1]}…" if isinstance(value, str) and len(value) > VALUE else value


def shown(value: Any) -> str:
    """Return a value as people read it."""
    return line(json.dumps(value, ensure_ascii=False), SHOWN)


def told(key: str, row: dict[str, Any]) -> str:
    """Return a row on one line, its key first."""
    others = ", ".join(f"{name}: {shown(value)}" for name, value in row.items() if value is not None and value != key)
    return line(f"{key} ({others})" if others else key, TOLD)


main(PostgresqlQuery)
