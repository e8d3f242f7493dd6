"""Chooses versions in the order of Composer itself, so that what is found is what composer.lock would have.

What was asked for comes first, then the rules one after the other; of each the best version is chosen, and where something contradicts
itself, a rule is learned from it: https://github.com/composer/composer/blob/2.5.5/src/Composer/DependencyResolver/Solver.php. Where it
finds nothing, it does not show why.
"""

from collections.abc import Callable

from outrider.operators.packages.composer.decisions import Decisions
from outrider.operators.packages.composer.pool import Pool
from outrider.operators.packages.composer.preferences import Preferences
from outrider.operators.packages.composer.rules import Rule, RuleSet

# Who needs more steps than this has a hard question, for which there is a better way to search.
_MOST_STEPS = 2_000
_CHECK_EVERY = 64


class ComposerOrder:
    """Chooses versions.

    Args:
        pool: The candidates.
        rules: What must hold; what is learned is added.
        preferences: Which of several is better.

    Attributes:
        has_given_up: Whether nothing was found because it took too many steps.
    """

    def __init__(self, pool: Pool, rules: RuleSet, preferences: Preferences) -> None:
        self._pool, self._rules, self._preferences = pool, rules, preferences
        self._check: Callable[[], None] = lambda: None
        self.has_given_up = False
        self._decisions = Decisions(len(pool.candidates), rules.rules)
        # What else could have been chosen, by the places in which it stood, and at which level.
        self._branches: list[tuple[dict[int, int], int]] = []
        self._steps = 0

    def run(self, check: Callable[[], None]) -> list[int] | None:
        """Return the numbers of the candidates that are chosen; None where nothing was found.

        Args:
            check: Called now and then; it may raise to end the search.
        """
        self._check = check
        return self._decisions.chosen() if self._assert() and self._search() else None

    def _assert(self) -> bool:
        """Decide what rules say outright; return whether they go together."""
        for rule in self._rules.rules:
            if rule.is_assertion:
                literal = rule.literals[0]
                if self._decisions.fails(literal):
                    return False
                if self._decisions.is_open(literal):
                    self._decisions.decide(literal, 1, rule)
        return True

    def _search(self) -> bool:
        level, asked_level = 1, 2
        while True:
            if level == 1 and self._decisions.propagate(level) is not None:
                return False
            if level < asked_level:
                level, left = self._choose_asked(level)
                if not level:
                    return False
                asked_level = level + 1
                if left:
                    continue
            asked_level = min(asked_level, level)
            level = self._choose_needed(level)
            if not level:
                return False
            if level < asked_level:
                continue
            lower = self._try_another()
            if lower is None:
                return True
            if not lower:
                return False
            level = lower

    def _choose_asked(self, level: int) -> tuple[int, bool]:
        """Choose what was asked for; return the new level, 0 where there is no solution, and whether to begin anew."""
        rules = self._rules.asked
        for position, rule in enumerate(rules):
            open_ones = [one for one in rule.literals if self._decisions.is_open(one)]
            if not open_ones or any(map(self._decisions.holds, rule.literals)):
                continue
            before = level
            level = self._choose(level, open_ones, rule)
            if level <= before:
                return level, position + 1 < len(rules)
        return level, False

    def _choose_needed(self, level: int) -> int:
        """Choose what chosen candidates need, rule by rule, until all rules hold; return the new level, 0 where there is no solution."""
        position = looked_at = 0
        rules = self._rules.rules
        count = len(rules)
        while looked_at < count:
            if position == count:
                position = 0
            rule = rules[position]
            open_ones = self._unmet(rule)
            position, looked_at = position + 1, looked_at + 1
            # One that is left alone was decided already.
            if len(open_ones) >= 2:
                level = self._choose(level, open_ones, rule)
                if not level:
                    return 0
                count, looked_at = len(rules), 0
        return level

    def _unmet(self, rule: Rule) -> list[int]:
        """Return the candidates that would do, where all that needs them is chosen and none of them is; else none."""
        levels, open_ones = self._decisions.levels, []
        for literal in rule.literals:
            if literal < 0:
                if levels[-literal] <= 0:
                    return []
            elif levels[literal] > 0:
                return []
            elif not levels[literal]:
                open_ones.append(literal)
        return open_ones

    def _choose(self, level: int, literals: list[int], rule: Rule) -> int:
        """Choose the best of some candidates; return the new level, 0 where there is no solution."""
        if self._is_too_much():
            return 0
        best = self._preferences.best([self._pool.candidate(one) for one in literals], rule.required)
        first, *others = [one.number for one in best]
        if others:
            self._branches.append((dict(enumerate(others)), level))
        return self._decide(level, first, rule)

    def _decide(self, level: int, literal: int, why: Rule) -> int:
        """Decide a literal with all that follows; where that contradicts itself, learn from it at a lower level."""
        level += 1
        self._decisions.decide(literal, level, why)
        while (broken := self._decisions.propagate(level)) is not None:
            if level == 1 or self._is_too_much():
                return 0
            learned = self._decisions.learn(broken, level)
            level = learned.level
            self._revert(level)
            self._rules.add(learned.rule)
            self._decisions.watch_learned(learned.rule)
            self._decisions.decide(learned.literal, level, learned.rule)
        return level

    def _is_too_much(self) -> bool:
        """Count a step; return whether these are too many."""
        self._steps += 1
        if not self._steps % _CHECK_EVERY:
            self._check()
        self.has_given_up = self._steps > _MOST_STEPS
        return self.has_given_up

    def _revert(self, level: int) -> None:
        self._decisions.revert(level)
        while self._branches and self._branches[-1][1] >= level:
            self._branches.pop()

    def _try_another(self) -> int | None:
        """Choose what could have been chosen and was chosen later for another reason; return the new level, None where there is none."""
        last: tuple[int, int, int] | None = None
        for branch in range(len(self._branches) - 1, -1, -1):
            literals, level = self._branches[branch]
            for place, literal in literals.items():
                if self._decisions.level(literal) > level + 1:
                    last = branch, place, literal
        if last is None:
            return None
        branch, place, literal = last
        literals, level = self._branches[branch]
        del literals[place]
        self._revert(level)
        return self._decide(level, literal, self._decisions.made[-1][1])
