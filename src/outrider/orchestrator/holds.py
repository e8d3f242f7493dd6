"""What people hold back for a while: the whole platform, an agent, or rules. Kept on disk, looked at in memory."""

import os
from fnmatch import fnmatchcase
from typing import Any

import sqlalchemy as sa

from outrider.core.audit import AuditEntry
from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError, did_you_mean
from outrider.core.identifiers import time_ordered
from outrider.core.timestamps import timestamp
from outrider.orchestrator.tables import holds
from outrider.orchestrator.transaction import Transaction
from outrider.orchestrator.wire import HoldRequest, HoldRow

MAX_SUBJECT = 200
PAUSE, CORDON, SILENCE = "pause", "cordon", "silence"
_DONE = {PAUSE: ("paused", "goes on"), CORDON: ("cordoned", "takes work again"), SILENCE: ("silenced", "may run again")}


class Holds:
    """The holds of a tenant, as decisions need them."""

    def __init__(self) -> None:
        self._rows: list[Any] = []

    def use(self, rows: list[Any]) -> None:
        """Take what is on disk."""
        self._rows = rows

    def keeps_from_work(self, agent: str, now: float) -> bool:
        """Return whether an agent is given nothing."""
        return any(row.kind == PAUSE or (row.kind == CORDON and row.subject == agent) for row in self._live(now))

    def silences(self, rule: str, source: str, now: float) -> str:
        """Return why a rule does not run for an event; empty where nothing holds it."""
        for row in self._live(now):
            if row.kind == PAUSE:
                return "the platform is paused"
            if row.kind == SILENCE and _speaks_of(row.subject, rule, source):
                end = f" until {timestamp(row.until)}" if row.until else ""
                return f"silenced{end}" + (f": {row.comment}" if row.comment else "")
        return ""

    def paused(self, now: float) -> bool:
        """Return whether the platform is paused."""
        return any(row.kind == PAUSE for row in self._live(now))

    def _live(self, now: float) -> list[Any]:
        return [row for row in self._rows if row.until is None or row.until > now] if self._rows else []


def _speaks_of(subject: str, rule: str, source: str) -> bool:
    what, _, pattern = subject.partition("/")
    return fnmatchcase(rule if what == "rule" else source, pattern)


def load_holds(connection: sa.Connection, tenant: str) -> list[Any]:
    """Return the rows of a tenant, the oldest first."""
    return list(connection.execute(sa.select(holds).where(holds.c.tenant == tenant).order_by(holds.c.id)))


def list_holds(connection: sa.Connection, tenant: str, now: float) -> list[HoldRow]:
    """Return what is held back now."""
    return [_row(row) for row in load_holds(connection, tenant) if row.until is None or row.until > now]


def place(work: Transaction, tenant: str, request: HoldRequest, by: str) -> HoldRow:
    """Hold something back.

    Raises:
        ConflictError: It is held back already.
    """
    for row in load_holds(work.connection, tenant):
        live = row.until is None or row.until > work.now
        if live and (row.kind, row.subject) == (request.kind, request.subject):
            raise ConflictError(
                f"{request.subject or 'the platform'} is {_DONE[request.kind][0]} already", found=f"by {row.placed_by}",
                suggestions=[f"end that first: DELETE /v1/holds/{row.id}"],
            )  # fmt: skip
    until = work.now + request.seconds if request.seconds else None
    values = {"id": time_ordered(work.now, os.urandom(10)), "kind": request.kind, "subject": request.subject,
              "comment": request.comment, "placed_by": by, "placed": work.now, "until": until}  # fmt: skip
    work.connection.execute(holds.insert().values(tenant=tenant, **values))
    end = f" until {timestamp(until)}" if until else ""
    _tell(work, request.kind, request.subject, f"{_DONE[request.kind][0]}{end}", by)
    return _row(work.connection.execute(sa.select(holds).where(holds.c.id == values["id"])).one())


def lift(work: Transaction, tenant: str, hold: str, by: str) -> HoldRow:
    """End a hold, named by its id, or by kind and subject as `cordon:hands`.

    Raises:
        NotFoundError: There is none.
    """
    kind, _, subject = hold.partition(":")
    for row in load_holds(work.connection, tenant):
        if row.id == hold or (row.kind, row.subject) == (kind, subject):
            work.connection.execute(holds.delete().where(holds.c.tenant == tenant, holds.c.id == row.id))
            _tell(work, row.kind, row.subject, _DONE[row.kind][1], by)
            return _row(row)
    raise NotFoundError(f"nothing is held back as '{hold}'", found=hold, suggestions=["see what is: outrider status"])


def drop_expired(work: Transaction, tenant: str) -> None:
    """Remove the holds whose time is over."""
    over = sa.and_(holds.c.tenant == tenant, holds.c.until <= work.now)
    for row in work.connection.execute(sa.select(holds).where(over)).all():
        _tell(work, row.kind, row.subject, f"{_DONE[row.kind][1]}: its time is over", "platform:clock")
    work.connection.execute(holds.delete().where(over))


def check(request: HoldRequest, agents: dict[str, str]) -> None:
    """Refuse what cannot be held back; `agents` are those that can be cordoned, with their kind.

    Raises:
        InvalidConfigError: Naming the field.
    """
    if request.kind not in _DONE:
        raise InvalidConfigError("kind: not one of the three", path="kind", found=request.kind, expected=", ".join(_DONE),
                                 suggestions=did_you_mean(request.kind, _DONE))  # fmt: skip
    if request.seconds is not None and request.seconds <= 0:
        raise InvalidConfigError(
            "seconds: not a time that passes", path="seconds", found=str(request.seconds), expected="more than 0",
            suggestions=["leave it out to hold until somebody ends it"],
        )  # fmt: skip
    if request.kind == CORDON and agents.get(request.subject) not in ("action", "worker"):
        known = [name for name, kind in agents.items() if kind in ("action", "worker")]
        raise InvalidConfigError(
            f"subject: no action agent is called '{request.subject}'", path="subject", found=request.subject,
            expected=", ".join(known), suggestions=did_you_mean(request.subject, known),
        )  # fmt: skip
    if len(request.subject) > MAX_SUBJECT:
        raise InvalidConfigError(
            "subject: too long",
            path="subject",
            found=f"{len(request.subject)} characters",
            expected=f"at most {MAX_SUBJECT}",
        )
    what, slash, pattern = request.subject.partition("/")
    if request.kind == SILENCE and (what not in ("rule", "trigger") or not slash or not pattern):
        raise InvalidConfigError(
            "subject: neither a rule nor a trigger", path="subject", found=request.subject, expected="rule/NAME or trigger/AGENT/TRIGGER",
            suggestions=["write for example rule/heal-web or trigger/eyes/*"],
        )  # fmt: skip
    if request.kind == PAUSE and request.subject:
        raise InvalidConfigError("subject: a pause has none", path="subject", found=request.subject, suggestions=["leave it out"])  # fmt: skip


def _tell(work: Transaction, kind: str, subject: str, text: str, by: str) -> None:
    work.timeline("hold", subject or "platform", f"{text} ({by})")
    work.audit.append(AuditEntry(phase="fact", principal=by, action=f"platform.{kind}", target=subject, outcome=text))


def _row(row: Any) -> HoldRow:
    return HoldRow(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        comment=row.comment,
        placed_by=row.placed_by,
        placed=timestamp(row.placed),
        until=timestamp(row.until) if row.until else "",
    )
