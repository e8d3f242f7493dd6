"""What the limits of rules remember, in the store: debounce and once per key, and the rate of a rule."""

from typing import Any

import sqlalchemy as sa

from outrider.core.codec import decode, encode
from outrider.core.machines.windows import Held, KeyState, Limits, RateState
from outrider.orchestrator.rules import CompiledRule
from outrider.orchestrator.tables import rule_keys, rule_rates
from outrider.orchestrator.transaction import Transaction
from outrider.ports.store import upsert

Remembered = tuple[KeyState, RateState]


class RuleLimits:
    """The limits of one tenant's rules; its methods run inside a writing transaction.

    Args:
        tenant: Whose.
    """

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant

    def load(self, work: Transaction, rule: CompiledRule, key: str) -> Remembered:
        """Return what is remembered of a key and of its rule."""
        if rule.limits == Limits():
            return KeyState(), RateState()
        state = work.connection.scalar(sa.select(rule_keys.c.state).where(self._is(rule.uid, key)))
        rate = None
        if rule.limits.rate_count is not None:
            rate = work.connection.scalar(
                sa.select(rule_rates.c.state).where(
                    rule_rates.c.tenant == self._tenant, rule_rates.c.rule_uid == rule.uid
                )
            )
        return (decode(state, KeyState) if state else KeyState()), (decode(rate, RateState) if rate else RateState())

    def save(self, work: Transaction, rule: CompiledRule, key: str, before: Remembered, after: Remembered) -> None:
        """Write what has changed."""
        if rule.limits == Limits():
            return
        if after[0] != before[0]:
            values = {"state": encode(after[0]).decode(), "due": after[0].held.due if after[0].held else None}
            work.connection.execute(
                upsert(rule_keys)
                .values(tenant=self._tenant, rule_uid=rule.uid, key=key, **values)
                .on_conflict_do_update(index_elements=["tenant", "rule_uid", "key"], set_=values)
            )
        if after[1] != before[1]:
            values = {"state": encode(after[1]).decode()}
            work.connection.execute(
                upsert(rule_rates)
                .values(tenant=self._tenant, rule_uid=rule.uid, **values)
                .on_conflict_do_update(index_elements=["tenant", "rule_uid"], set_=values)
            )

    def held(self, row: Any) -> Held | None:
        """Return the match that a row of `rule_keys` holds."""
        return decode(row.state, KeyState).held

    def drop(self, work: Transaction, rule_uid: str, key: str) -> None:
        """Forget a key."""
        work.connection.execute(rule_keys.delete().where(self._is(rule_uid, key)))

    def _is(self, rule_uid: str, key: str) -> Any:
        return sa.and_(
            rule_keys.c.tenant == self._tenant, rule_keys.c.rule_uid == rule_uid, rule_keys.c.key == key
        )  # fmt: skip
