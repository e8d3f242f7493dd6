"""Judges the licences of packages by a policy."""

from collections.abc import Iterable
from datetime import date
from typing import Literal, NamedTuple

from outrider.core.licence_policies import Answer, LicencePolicy, LicenceWaiver
from outrider.operators.packages.licences.expressions import Expression, Joined, Named, read_expression
from outrider.operators.packages.licences.normalising import Licence, normalised
from outrider.operators.packages.licences.policy import beginning, waived
from outrider.operators.packages.pypi.pages import normalised as normalised_name
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

Word = Literal["allowed", "denied", "review", "unknown"]
_WORDS: dict[Answer, Word] = {"allow": "allowed", "deny": "denied", "review": "review"}
# The better ones first: of what may be chosen the best counts, of what all counts the worst.
_ORDER: tuple[Answer, ...] = ("allow", "review", "deny")
_SAID: dict[Answer, str] = {"allow": "is allowed", "deny": "is denied", "review": "is to be reviewed"}
_SHOWN = 80


class Verdict(NamedTuple):
    """What is said of a package.

    Attributes:
        word: Whether it may be used; `unknown` where nothing is known of its licence, and the policy wants that to be looked at.
        why: In words.
        waiver: That allows it.
        ended: A waiver that did, and counts no more.
    """

    word: Word
    why: str
    waiver: LicenceWaiver | None = None
    ended: LicenceWaiver | None = None


class _Reason(NamedTuple):
    """What a part of an expression gives."""

    answer: Answer
    why: str


class _List:
    """One of the lists of a policy."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._beginnings = tuple(beginning(entry) for entry in entries if beginning(entry))
        expressions = [read_expression(entry) for entry in entries if not beginning(entry)]
        self._single = {
            (version.lower(), one.exception)
            for one in expressions if isinstance(one, Named)
            for version in one.versions()
        }  # fmt: skip
        self._joined = {_unordered(one) for one in expressions if isinstance(one, Joined)}

    def has(self, name: str, exception: str) -> bool:
        """Return whether a licence stands in it."""
        if (name.lower(), exception) in self._single:
            return True
        return not exception and bool(self._beginnings) and name.lower().startswith(self._beginnings)

    def has_joined(self, expression: Joined) -> bool:
        """Return whether a combination stands in it."""
        return bool(self._joined) and _unordered(expression) in self._joined


class LicenceRules:
    """A policy, made ready.

    Args:
        policy: That was checked.
        today: The day for which waivers count.
    """

    def __init__(self, policy: LicencePolicy, today: date) -> None:
        self._policy, self._today = policy, today
        self._lists: tuple[tuple[Answer, _List], ...] = (
            ("deny", _List(policy.deny)),
            ("review", _List(policy.review)),
            ("allow", _List(policy.allow)),
        )
        self._waivers = [(one, *waived(one)) for one in policy.waivers]

    def judge(self, ecosystem: str, name: str, version: str, licence: Licence) -> Verdict:
        """Return what is said of a version of a package.

        Args:
            ecosystem: Of the package.
            name: As its ecosystem compares names.
            version: Of the package.
            licence: Its licence.
        """
        word, why = self._word(licence)
        if word == "allowed":
            return Verdict(word, why)
        fitting = [one for one in self._waivers if _fits(one, ecosystem, name, version)]
        waivers = sorted((one for one, _, _ in fitting), key=lambda one: (one.until, one.reason))
        if not waivers:
            return Verdict(word, why)
        last = waivers[-1]
        if last.until >= self._today:
            return Verdict("allowed", f"waived until {last.until}: {last.reason}", waiver=last)
        return Verdict(word, f"{why}; its waiver ended on {last.until}", ended=last)

    def refuses(self, ecosystem: str, name: str, version: str, raw: str) -> str:
        """Return why a version may not be chosen, as `Policy.refuses_licence` has it; empty where it is not denied.

        Args:
            ecosystem: Of the package.
            name: As its ecosystem compares names.
            version: Of the package.
            raw: Its licence, as its author has written it.
        """
        verdict = self.judge(ecosystem, name, version, normalised(ecosystem, raw))
        return f"are not allowed by their licence: {verdict.why}" if verdict.word == "denied" else ""

    def ended(self) -> list[LicenceWaiver]:
        """Return the waivers that count no more."""
        return [one for one in self._policy.waivers if one.until < self._today]

    def running(self) -> list[LicenceWaiver]:
        """Return the waivers that count."""
        return [one for one in self._policy.waivers if one.until >= self._today]

    def _word(self, licence: Licence) -> tuple[Word, str]:
        if not licence.expression:
            raw = " ".join(licence.raw.split())[:_SHOWN]
            why = f"what {raw!r} means is not known" if raw else "no licence is told"
            return ("unknown" if self._policy.unknown == "review" else _WORDS[self._policy.unknown]), why
        answer, why = self._reason(read_expression(licence.expression))
        if answer == "allow" and licence.guessed and self._policy.guessed == "review":
            return "review", f"{why}, but that was guessed"
        return _WORDS[answer], why

    def _reason(self, expression: Expression) -> _Reason:
        if isinstance(expression, Named):
            return self._named(expression)
        for answer, one in self._lists:
            if one.has_joined(expression):
                return _Reason(answer, f"{expression} {_SAID[answer]}")
        reasons = [self._reason(part) for part in expression.parts]
        is_choice = expression.operator == "OR"
        answer = _ORDER[(min if is_choice else max)(_ORDER.index(reason.answer) for reason in reasons)]
        # One tells enough, but where none of a choice may be taken, or all are needed and may be.
        together = answer == ("deny" if is_choice else "allow")
        fitting = list(dict.fromkeys(reason.why for reason in reasons if reason.answer == answer))
        return _Reason(answer, ", ".join(fitting) if together else fitting[0])

    def _named(self, licence: Named) -> _Reason:
        """Return the best of what is said of the versions of which one may be taken."""
        found = [(self._listed(version, licence.exception), version) for version in licence.versions()]
        ranked = [(_ORDER.index(answer or self._policy.unlisted), answer, version) for answer, version in found]
        rank, answer, version = min(ranked, key=lambda one: one[0])
        shown = (
            str(licence) if len(ranked) == 1 or all(one[0] == rank for one in ranked) else f"{version} for {licence}"
        )
        return _Reason(_ORDER[rank], f"{shown} {_SAID[answer] if answer else 'is in none of the lists'}")

    def _listed(self, name: str, exception: str) -> Answer | None:
        for what in dict.fromkeys((exception, "")):
            for answer, one in self._lists:
                if one.has(name, what):
                    return answer
        return None


def _unordered(expression: Expression) -> object:
    if isinstance(expression, Named):
        return str(expression).lower()
    return expression.operator, frozenset(map(_unordered, expression.parts))


def _fits(entry: tuple[LicenceWaiver, str, str], ecosystem: str, name: str, version: str) -> bool:
    waiver, of, names = entry
    if of != ecosystem:
        return False
    wanted = _compared(ecosystem, names.removesuffix("*"))
    if not (name.startswith(wanted) if names.endswith("*") else name == wanted):
        return False
    return not waiver.versions or bool(VersionTable(scheme_of(ecosystem), [version]).mask(waiver.versions))


def _compared(ecosystem: str, name: str) -> str:
    """Return a name as locks have it."""
    if ecosystem == "pypi":
        return normalised_name(name)
    return name.lower() if ecosystem in ("composer", "nuget") else name
