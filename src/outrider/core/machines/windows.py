"""When a rule fires: debounce, once per key, rate limit. Pure decisions over a state that the store keeps.

The order is fixed: a match first stands the debounce (it must hold for that long), then the key's period, then the rate.
"""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's limits; times in seconds, 0 and None switch a limit off."""

    debounce: float = 0.0
    once_period: float = 0.0
    rate_count: int | None = None
    rate_period: float = 0.0


class Held(msgspec.Struct, frozen=True):
    """A match that waits for its debounce to pass."""

    event: str
    due: float


class KeyState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is remembered per key of a rule."""

    last_fired: float | None = None
    held: Held | None = None


class RateState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Times of the firings inside the rate period, oldest first."""

    fired: list[float] = []


class Verdict(msgspec.Struct, frozen=True):
    """`fire`, `hold` or `suppress`; a suppression says why."""

    action: str
    reason: str = ""


FIRE = Verdict("fire")
HOLD = Verdict("hold")


def on_match(
    limits: Limits, key: KeyState, rate: RateState, *, event: str, now: float
) -> tuple[Verdict, KeyState, RateState]:
    """Judge an event that meets the rule's condition."""
    if limits.debounce > 0:
        if key.held is not None:
            # The condition goes on holding: the first event's due time stands, unless the clock stepped back since.
            due = min(key.held.due, now + limits.debounce)
            return HOLD, msgspec.structs.replace(key, held=Held(key.held.event, due)), rate
        return HOLD, msgspec.structs.replace(key, held=Held(event, now + limits.debounce)), rate
    return _fire(limits, key, rate, now)


def on_clear(key: KeyState) -> KeyState:
    """Forget a held match: an event of the same source said that the condition no longer holds."""
    return msgspec.structs.replace(key, held=None)


def on_due(limits: Limits, key: KeyState, rate: RateState, *, now: float) -> tuple[Verdict, KeyState, RateState]:
    """Judge a held match whose time may have come."""
    if key.held is None or now < key.held.due:
        return HOLD, key, rate
    return _fire(limits, msgspec.structs.replace(key, held=None), rate, now)


def _fire(limits: Limits, key: KeyState, rate: RateState, now: float) -> tuple[Verdict, KeyState, RateState]:
    # A firing in the future (the clock stepped back) counts as now, or it would silence the rule until then.
    if limits.once_period > 0 and key.last_fired is not None:
        last = min(key.last_fired, now)
        if now - last < limits.once_period:
            remembered = msgspec.structs.replace(key, last_fired=last)
            return Verdict("suppress", f"fired {now - last:.1f} s ago for this key"), remembered, rate
    if limits.rate_count is not None:
        recent = [min(moment, now) for moment in rate.fired if now - moment < limits.rate_period]
        if len(recent) >= limits.rate_count:
            return (
                Verdict("suppress", f"rate limit: {limits.rate_count} in {limits.rate_period:g} s"),
                key,
                RateState(recent),
            )
        rate = RateState([*recent, now])
    return FIRE, msgspec.structs.replace(key, last_fired=now), rate
