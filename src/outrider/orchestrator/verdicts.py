"""What rehearsals of rules say."""

import msgspec


class Rehearsed(msgspec.Struct, kw_only=True):
    """What a rule would have done.

    Attributes:
        time: When, by the arrival of the events.
        events: Ids of the events of the match.
        does: The steps, with parameters as far as they are known before the first one has run.
    """

    time: str
    rule: str
    outcome: str
    reason: str
    key: str
    events: list[str]
    does: list[str]


class Judged(msgspec.Struct, kw_only=True):
    """How a case went; `faults` is empty where it is as expected."""

    case: str
    passed: bool
    faults: list[str]
