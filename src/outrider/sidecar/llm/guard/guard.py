"""What must not pass, in both directions."""

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from outrider.core.sidecar_settings import GuardSettings
from outrider.sidecar.llm.guard.attempt import GuardedAttempt
from outrider.sidecar.llm.guard.detectors import DETECTORS
from outrider.sidecar.llm.guard.rules import Rule, Rules
from outrider.sidecar.llm.guard.stream import GuardedStream
from outrider.sidecar.proxy.gate import Attempt


class Guard:
    """What must not pass, in both directions.

    Args:
        settings: What is looked for.

    Raises:
        InvalidConfigError: A pattern is none.
        MissingRequirementError: RE2 is not there.

    Attributes:
        hits: How often what was found, by its name.
        prompts: For what goes to providers.
        answers: For what comes back.
    """

    def __init__(self, settings: Iterable[GuardSettings]) -> None:
        self.hits: Counter[str] = Counter()
        there = list(settings)
        self.prompts = Rules([rule for one in there if one.place != "answer" for rule in _rules(one)], self.hits)
        # An answer is there already: nothing of it is refused.
        kept = [msgspec.structs.replace(one, action="redact") for one in there if one.place != "prompt"]
        self.answers = Rules([rule for one in kept for rule in _rules(one)], self.hits)

    def around(self, attempt: Attempt) -> Attempt:
        """Return an attempt whose answer is guarded."""
        return GuardedAttempt(attempt, self.answers)

    def answer(self, body: bytes, *, stream: bool) -> bytes:
        """Return an answer that is there already, without what must not pass."""
        if not stream:
            return self.answers.document(body)
        guarded = GuardedStream(self.answers)
        return guarded.feed(body) + guarded.end()


def _rules(settings: GuardSettings) -> Iterator[Rule]:
    refuses = settings.action == "refuse"
    for name in settings.detect:
        detector = DETECTORS[name]
        for pattern in filter(None, (detector.pattern, detector.strict)):
            yield Rule(name, pattern, detector.check, refuses=refuses)
    if settings.pattern:
        yield Rule(settings.name or "pattern", settings.pattern, None, refuses=refuses)
