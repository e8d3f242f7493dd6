"""What must hold of an answer, as rules over the numbers of candidates: of each rule one literal at least must be true.

A positive literal is true where its candidate is chosen, and a negative one where it is not.
https://github.com/composer/composer/blob/2.5.5/src/Composer/DependencyResolver/RuleSetGenerator.php.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum

from outrider.operators.packages.composer.candidates import Candidate, Link
from outrider.operators.packages.composer.platforms import ComposerPlatform
from outrider.operators.packages.composer.pool import Pool, Wish


class Form(Enum):
    """How a rule is kept; the same literals in another form are another rule."""

    ANY = "any"
    PAIR = "pair"
    # All of its literals but one must be true.
    EXCLUSION = "exclusion"


class Rule:
    """One rule.

    Args:
        literals: Of the rule, the lowest first.
        form: How it is kept.
        required: The name that it asks for; empty where it asks for none.

    Attributes:
        watched: The two literals by which it is found.
    """

    __slots__ = ("form", "literals", "required", "watched")

    def __init__(self, literals: tuple[int, ...], form: Form = Form.ANY, required: str = "") -> None:
        self.literals, self.form, self.required = literals, form, required
        self.watched = [*literals[:2], 0, 0][:2]

    @property
    def is_assertion(self) -> bool:
        """Whether it says of one candidate whether that is chosen."""
        return self.form is Form.ANY and len(self.literals) == 1


class RuleSet:
    """Rules, none of them twice.

    Attributes:
        rules: In the order in which they came.
        asked: Those among them of what is asked for.
    """

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.asked: list[Rule] = []
        self._known: set[tuple[Form, tuple[int, ...]]] = set()

    def add(self, rule: Rule, *, is_asked: bool = False) -> None:
        """Add a rule, where it is not there yet."""
        key = (rule.form, rule.literals)
        if key not in self._known:
            self._known.add(key)
            self.rules.append(rule)
            if is_asked:
                self.asked.append(rule)


class RuleMaker:
    """Makes the rules of an answer.

    Args:
        pool: The candidates.
        platform: What there is here.
        with_rules: Whether rules are made, and not only what an answer may have is looked for.

    Attributes:
        rules: That were made.
        reached: The candidates that an answer may have, in the order in which they were reached.
    """

    def __init__(self, pool: Pool, platform: ComposerPlatform, *, with_rules: bool = True) -> None:
        self._pool, self._platform, self._with_rules = pool, platform, with_rules
        self.rules = RuleSet()
        self.reached: dict[Candidate, None] = {}
        self._by_name: dict[str, list[Candidate]] = {}
        # What was on its way to be reached before, one by one and together.
        self._waiting: deque[Candidate] = deque()
        self._seen: set[Candidate] = set()
        self._seen_together: set[int] = set()

    def make(self, wishes: Iterable[Wish]) -> bool:
        """Make all rules; return whether there is a candidate for each wish."""
        for one in self._platform.candidates:
            self._reach(one)
            self.rules.add(Rule((one.number,), required=one.name), is_asked=True)
        is_possible = True
        for wish in wishes:
            if self._platform.is_open(wish.name):
                continue
            found = self._pool.answers(wish.name, wish.constraint)
            for one in found.candidates:
                self._reach(one)
            if found.numbers:
                self.rules.add(Rule(found.numbers, required=wish.name), is_asked=True)
            is_possible &= bool(found.numbers)
        for one in self._pool.candidates:
            if (
                one not in self.reached
                and one.alias_of is not None
                and (one.is_root_alias or one.alias_of in self.reached)
            ):
                self._reach(one)
        if self._with_rules:
            self._exclude()
        return is_possible

    def _reach(self, first: Candidate) -> None:
        """Make the rules of what a candidate requires, and of all that this requires in turn."""
        self._see(first)
        while self._waiting:
            one = self._waiting.popleft()
            self.reached[one] = None
            if one.alias_of is None:
                for name in one.own_names:
                    self._by_name.setdefault(name, []).append(one)
            else:
                self._see(one.alias_of)
                self.rules.add(Rule((-one.number, one.alias_of.number)))
                self.rules.add(Rule((-one.alias_of.number, one.number)))
                if not one.needs_its_version:
                    continue
            for link in one.links.requires:
                if not self._platform.is_open(link.target):
                    self._require(one, link)

    def _see(self, one: Candidate) -> None:
        if one not in self._seen:
            self._seen.add(one)
            self._waiting.append(one)

    def _require(self, one: Candidate, link: Link) -> None:
        """Make the rule of a requirement, unless a candidate meets its own; what would meet it is to be reached."""
        found = self._pool.answers(link.target, link.constraint)
        if self._with_rules and one.number not in found.numbers:
            self.rules.add(Rule((-one.number, *found.numbers), required=link.target))
        # Very many ask for the same.
        if id(found) not in self._seen_together:
            self._seen_together.add(id(found))
            for other in found.candidates:
                self._see(other)

    def conflicts(self) -> Iterator[tuple[Candidate, Candidate]]:
        """Yield candidates of which one says that it does not go together with the other."""
        for one in self.reached:
            for link in one.links.conflicts:
                # Who only provides a name is no reason to look for it.
                if link.target not in self._by_name or self._platform.is_open(link.target):
                    continue
                for other in self._pool.answers(link.target, link.constraint).candidates:
                    if one is not other and (other.alias_of is None or other.name == link.target):
                        yield one, other

    def namesakes(self) -> Iterator[list[Candidate]]:
        """Yield candidates that have a name in common, of which one at most can be chosen."""
        yield from (found for found in self._by_name.values() if len(found) > 1)

    def _exclude(self) -> None:
        for one, other in self.conflicts():
            self.rules.add(Rule((-max(one.number, other.number), -min(one.number, other.number)), Form.PAIR))
        for found in self.namesakes():
            form = Form.PAIR if len(found) == 2 else Form.EXCLUSION
            self.rules.add(Rule(tuple(sorted(-one.number for one in found)), form))
