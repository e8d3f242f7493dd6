"""What the rules made of an event, kept beside it so that people can ask why."""

from typing import Literal

import msgspec

Outcome = Literal["started", "shadow", "waiting", "limited", "held back", "left out"]


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one rule made of an event that met one of its conditions.

    Attributes:
        outcome: `started` a run; `shadow`: would have; `waiting` for more, or for time to pass; `limited` by oncePer or
            rateLimit; `held back` by a silence or a pause; `left out` because its key cannot be told.
        key: Value of the rule's `by`.
        events: The events of the match, this one the last.
    """

    rule: str
    outcome: Outcome
    reason: str = ""
    key: str = ""
    run: str = ""
    events: list[str] = []
