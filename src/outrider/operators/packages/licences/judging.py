"""Judges the licences of packages by a policy."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from outrider.core.package_policies import Answer, LicencePolicy, PackagePolicySpec, Waiver
from outrider.operators.packages.licences.expressions import Expression, Joined, Named, read_expression
from outrider.operators.packages.licences.normalising import Licence, normalised
from outrider.operators.packages.licences.policy import beginning, check_entries
from outrider.operators.packages.policies.patterns import read_pattern

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
    """

    word: Word
    why: str


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
    """What one PackagePolicy says of licences; without such a field, that all are allowed which are known.

    Args:
        name: Of the object, for reasons; empty where there is none.
        said: Its specification.
        today: In UTC, as waivers write it.
        path: Of the specification, for errors.

    Attributes:
        name: Of the object.

    Raises:
        InvalidConfigError: An entry is no licence, or a waiver names no package.
    """

    def __init__(self, name: str, said: PackagePolicySpec, today: str, path: str = "spec") -> None:
        self._policy = said.licences or LicencePolicy(unlisted="allow")
        self._unlisted = "is in none of the lists" if said.licences else "is known, and no policy speaks of licences"
        self.name, self._of, self._today = name, f": licences of {name}" if name else "", today
        check_entries(self._policy, f"{path}.licences")
        self._lists: tuple[tuple[Answer, _List], ...] = (
            ("deny", _List(self._policy.deny)),
            ("review", _List(self._policy.review)),
            ("allow", _List(self._policy.allow)),
        )
        waivers = [
            (one, read_pattern(one.package, f"{path}.waivers[{at}].package"))
            for at, one in enumerate(said.waivers) if "licences" in one.rules
        ]  # fmt: skip
        # Of several that fit the last one to end counts.
        self._waivers = sorted(waivers, key=lambda one: one[0].until)
        self._needed: set[int] = set()

    def judge(self, ecosystem: str, name: str, version: str, licence: Licence) -> Verdict:
        """Return what is said of a version of a package.

        Args:
            ecosystem: Of the package.
            name: As its ecosystem compares names.
            version: Of the package.
            licence: Its licence.
        """
        word, why = self._waived(ecosystem, name, version, self._verdict(licence))
        return Verdict(word, f"{why}{self._of}")

    def refuses(self, ecosystem: str, name: str, version: str, raw: str) -> str:
        """Return why a version may not be chosen, as `Policy.refuses_licence` has it; empty where it is not denied.

        Args:
            ecosystem: Of the package.
            name: As its ecosystem compares names.
            version: Of the package.
            raw: Its licence, as its author has written it.
        """
        verdict = self._waived(ecosystem, name, version, self._verdict(normalised(ecosystem, raw)))
        return f"are denied by licence ({verdict.why}){self._of}" if verdict.word == "denied" else ""

    def ended(self) -> list[Waiver]:
        """Return the waivers that count no more."""
        return [one for one, _ in self._waivers if one.until < self._today]

    def needless(self) -> list[Waiver]:
        """Return the waivers that nothing has needed of what was judged."""
        return [one for at, (one, _) in enumerate(self._waivers) if one.until >= self._today and at not in self._needed]

    def _waived(self, ecosystem: str, name: str, version: str, verdict: Verdict) -> Verdict:
        if verdict.word == "allowed":
            return verdict
        fitting = [at for at, (_, package) in enumerate(self._waivers) if package.means(ecosystem, name, version)]
        if not fitting:
            return verdict
        self._needed.add(fitting[-1])
        waiver = self._waivers[fitting[-1]][0]
        if waiver.until < self._today:
            return Verdict(verdict.word, f"{verdict.why}; its waiver ended on {waiver.until}")
        return Verdict("allowed", f"waived until {waiver.until}, {waiver.reason}")

    def _verdict(self, licence: Licence) -> Verdict:
        if not licence.expression:
            raw = " ".join(licence.raw.split())[:_SHOWN]
            why = f"what {raw!r} means is not known" if raw else "no licence is told"
            return Verdict("unknown" if self._policy.unknown == "review" else _WORDS[self._policy.unknown], why)
        answer, why = self._reason(read_expression(licence.expression))
        if answer == "allow" and licence.guessed and self._policy.guessed == "review":
            return Verdict("review", f"{why}, but that was guessed")
        return Verdict(_WORDS[answer], why)

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
        return _Reason(_ORDER[rank], f"{shown} {_SAID[answer] if answer else self._unlisted}")

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
