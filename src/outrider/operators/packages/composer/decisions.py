"""What was decided of candidates, what follows from it by the rules, and what is to be learned where that contradicts itself.

https://github.com/composer/composer/blob/2.5.5/src/Composer/DependencyResolver, the classes `Decisions`, `RuleWatchGraph` and `Solver`.
"""

from collections.abc import Iterable
from typing import NamedTuple

from outrider.operators.packages.composer.rules import Form, Rule


class Learned(NamedTuple):
    """What was learned of a contradiction.

    Attributes:
        literal: That follows once the decisions above a level are undone.
        level: Which.
        rule: That says so.
    """

    literal: int
    level: int
    rule: Rule


class Decisions:
    """Decisions.

    Args:
        count: How many candidates there are.
        rules: All that must hold.

    Attributes:
        levels: By number, the level at which a candidate was chosen, and below zero that at which it was not; 0 where it is open.
        made: The literals that were decided, oldest first, and why.
    """

    def __init__(self, count: int, rules: Iterable[Rule]) -> None:
        self.levels = [0] * (count + 1)
        self.made: list[tuple[int, Rule]] = []
        self._looked_at = 0
        # The rules that are looked at once a literal is false, the newest at the end.
        self._watching: dict[int, list[Rule]] = {}
        for rule in rules:
            self.watch(rule)

    def holds(self, literal: int) -> bool:
        """Return whether a literal is true."""
        level = self.levels[abs(literal)]
        return level > 0 if literal > 0 else level < 0

    def fails(self, literal: int) -> bool:
        """Return whether a literal is false."""
        return self.holds(-literal)

    def is_open(self, literal: int) -> bool:
        """Return whether nothing is decided of a literal."""
        return not self.levels[abs(literal)]

    def level(self, literal: int) -> int:
        """Return at which level something was decided of a literal; 0 where nothing was."""
        return abs(self.levels[abs(literal)])

    def chosen(self) -> list[int]:
        """Return the numbers of the candidates that are chosen."""
        return [literal for literal, _ in self.made if literal > 0]

    def decide(self, literal: int, level: int, why: Rule) -> None:
        """Make a literal, of which nothing is decided, true."""
        self.levels[abs(literal)] = level if literal > 0 else -level
        self.made.append((literal, why))

    def revert(self, level: int) -> None:
        """Undo the decisions above a level."""
        while self.made and self.level(self.made[-1][0]) > level:
            self.levels[abs(self.made.pop()[0])] = 0
            self._looked_at = len(self.made)

    def watch(self, rule: Rule) -> None:
        """Look at a rule once it may say something new."""
        if not rule.is_assertion:
            for literal in rule.literals if rule.form is Form.EXCLUSION else rule.watched:
                self._watching.setdefault(literal, []).append(rule)

    def watch_learned(self, rule: Rule) -> None:
        """Look at a learned rule first where the last decision that it is about is undone."""
        if len(rule.literals) > 2:
            highest = 0
            for literal in rule.literals:
                if self.level(literal) > highest:
                    rule.watched[1], highest = literal, self.level(literal)
        self.watch(rule)

    def propagate(self, level: int) -> Rule | None:
        """Decide what follows from what was decided; return the rule that is broken, if one is."""
        while self._looked_at < len(self.made):
            literal = -self.made[self._looked_at][0]
            broken = self._follow(literal, level) if literal in self._watching else None
            self._looked_at += 1
            if broken is not None:
                return broken
        return None

    def _follow(self, literal: int, level: int) -> Rule | None:
        """Look at the rules that watch a literal which is false now, the newest first."""
        watching, kept = self._watching[literal], list[Rule]()
        broken = None
        while watching and broken is None:
            rule = watching.pop()
            if rule.form is Form.EXCLUSION:
                broken = self._exclude(rule, literal, level)
                kept.append(rule)
                continue
            other = rule.watched[1] if rule.watched[0] == literal else rule.watched[0]
            if not self.holds(other):
                if instead := self._instead(rule, literal, other):
                    rule.watched[0 if rule.watched[0] == literal else 1] = instead
                    self._watching.setdefault(instead, []).append(rule)
                    continue
                if self.fails(other):
                    broken = rule
                else:
                    self.decide(other, level, rule)
            kept.append(rule)
        watching.extend(reversed(kept))
        return broken

    def _instead(self, rule: Rule, literal: int, other: int) -> int:
        """Return a literal of a rule that is not false, and none of two others; 0 where there is none."""
        levels = self.levels
        for one in rule.literals:
            if one not in (literal, other) and (levels[one] >= 0 if one > 0 else levels[-one] <= 0):
                return one
        return 0

    def _exclude(self, rule: Rule, literal: int, level: int) -> Rule | None:
        for other in rule.literals:
            if other != literal and not self.holds(other):
                if self.fails(other):
                    return rule
                self.decide(other, level, rule)
        return None

    def learn(self, broken: Rule, level: int) -> Learned:
        """Return what follows from a broken rule.

        Args:
            broken: The rule.
            level: At which it was broken; above the first.
        """
        return _Analysis(self, level).learned(broken)


class _Analysis:
    """Resolves a broken rule with the reasons of decisions, until it is about a single one of its level."""

    def __init__(self, decisions: Decisions, level: int) -> None:
        self._decisions, self._level = decisions, level
        self._position = len(decisions.made)
        self._seen: set[int] = set()
        self._learned: list[int] = []
        # Literals of the level of the conflict, and of the first one, that are to be resolved.
        self._here = self._first = 0
        self._below = 1
        self._pivot = 0

    def learned(self, rule: Rule) -> Learned:
        while True:
            for literal in rule.literals:
                is_pending = rule.form is Form.EXCLUSION and self._decisions.is_open(literal)
                if not is_pending and not self._decisions.holds(literal) and abs(literal) not in self._seen:
                    self._see(literal)
            found = self._resolve()
            if found is None:
                break
            rule = found
        return Learned(self._pivot, self._below, Rule(tuple(sorted((self._pivot, *self._learned)))))

    def _see(self, literal: int) -> None:
        self._seen.add(abs(literal))
        level = self._decisions.level(literal)
        if level == 1:
            self._first += 1
        elif level == self._level:
            self._here += 1
        else:
            self._learned.append(literal)
            self._below = max(self._below, level)

    def _resolve(self) -> Rule | None:
        """Return the reason of the last decision that is to be resolved; None where nothing is left."""
        while True:
            if not self._here:
                self._first -= 1
                if not self._first:
                    return None
            literal = self._last_seen()
            self._seen.discard(abs(literal))
            if self._here:
                self._here -= 1
                if not self._here:
                    self._pivot = -literal
                    if not self._first:
                        return None
                    self._seen -= {abs(one) for one in self._learned}
                    self._first += 1
                    continue
            reason = self._decisions.made[self._position][1]
            if reason.form is not Form.EXCLUSION:
                return reason
            self._see_chosen(reason)

    def _last_seen(self) -> int:
        while True:
            self._position -= 1
            literal = self._decisions.made[self._position][0]
            if abs(literal) in self._seen:
                return literal

    def _see_chosen(self, exclusion: Rule) -> None:
        """See the one candidate of an exclusion that is chosen, which is why the others are not."""
        for literal in exclusion.literals:
            if abs(literal) not in self._seen and self._decisions.holds(-literal):
                self._see(literal)
                return
