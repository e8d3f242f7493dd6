"""The windows of rules over time in the store: read and written in the transaction of the event, so no end can lose one."""

from typing import Any

import sqlalchemy as sa

from outrider.core.codec import decode, encode
from outrider.core.machines.correlation import EMPTY, Window, expires, oldest
from outrider.orchestrator.rules import CompiledRule
from outrider.orchestrator.statements import DELETE_WINDOW, SELECT_WINDOW, UPSERT_WINDOW
from outrider.orchestrator.tables import rule_windows
from outrider.orchestrator.transaction import Transaction

# Of one rule. More keys than that are a mistake in `by`, and are left out.
MAX_OPEN = 100_000


class Windows:
    """The windows of one tenant's rules.

    Args:
        tenant: Whose.
    """

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant
        # Rules that have as many as they may; counted by `tidy`.
        self.full: set[str] = set()

    def load(self, work: Transaction, rule: CompiledRule, key: str) -> Window:
        """Return the window of a key; what an earlier form of the rule left does not count."""
        row = SELECT_WINDOW.first(work.connection, self._key(rule.uid, key))
        return decode(row.state, Window) if row is not None and row.generation == rule.generation else EMPTY

    def save(self, work: Transaction, rule: CompiledRule, key: str, before: Window, after: Window) -> bool:
        """Write what a window has become; return False where the rule may not open another."""
        assert rule.shape is not None
        end = expires(rule.shape, after)
        if end is None:
            if before != EMPTY:
                DELETE_WINDOW.run(work.connection, self._key(rule.uid, key))
            return True
        if before == EMPTY and rule.uid in self.full:
            return False
        row = {
            "tenant": self._tenant,
            "rule_uid": rule.uid,
            "key": key,
            "generation": rule.generation,
            "state": encode(after).decode(),
            "due": after.awaiting.due if after.awaiting else None,
            "oldest": oldest(after),
            "expires": end,
        }
        UPSERT_WINDOW.run(work.connection, row)
        return True

    def due(self, work: Transaction, limit: int) -> list[Any]:
        """Return the rows whose wait is over, the one that began first at the head."""
        over = sa.and_(rule_windows.c.tenant == self._tenant, rule_windows.c.due <= work.now)
        return list(
            work.connection.execute(sa.select(rule_windows).where(over).order_by(rule_windows.c.due).limit(limit))
        )

    def drop(self, work: Transaction, rule_uid: str, key: str) -> None:
        """Remove a window."""
        DELETE_WINDOW.run(work.connection, self._key(rule_uid, key))

    def tidy(self, work: Transaction, live: dict[str, CompiledRule], limit: int) -> int:
        """Remove up to `limit` windows that have expired, or whose rule is gone or has changed; return how many."""
        mine = rule_windows.c.tenant == self._tenant
        counts = work.connection.execute(
            sa.select(rule_windows.c.rule_uid, rule_windows.c.generation, sa.func.count().label("open"))
            .where(mine)
            .group_by(rule_windows.c.rule_uid, rule_windows.c.generation)
        ).all()
        removed = 0
        for row in counts:
            rule = live.get(row.rule_uid)
            current = rule is not None and rule.generation == row.generation
            which = sa.and_(mine, rule_windows.c.rule_uid == row.rule_uid, rule_windows.c.generation == row.generation)
            if current:
                # A wait that is due is the sweep's to end, not ours.
                which = sa.and_(which, rule_windows.c.expires < work.now, rule_windows.c.due.is_(None))
            removed += self._remove(work, which, limit)
        self.full = {row.rule_uid for row in counts if row.open >= MAX_OPEN}
        return removed

    def _remove(self, work: Transaction, which: Any, limit: int) -> int:
        keys = work.connection.execute(
            sa.select(rule_windows.c.rule_uid, rule_windows.c.key).where(which).limit(limit)
        ).all()
        for row in keys:
            self.drop(work, row.rule_uid, row.key)
        return len(keys)

    def _key(self, rule_uid: str, key: str) -> dict[str, str]:
        return {"key_tenant": self._tenant, "key_rule_uid": rule_uid, "key_key": key}
