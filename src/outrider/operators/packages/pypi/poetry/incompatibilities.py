"""What cannot be at once, and why; `poetry/mixology/incompatibility.py` of Poetry 2.5."""

from collections.abc import Iterator, Sequence

from outrider.operators.packages.pypi.poetry.terms import Term


class Cause:
    """Why something cannot be.

    Args:
        text: A sentence; empty where there is no need for one.
        needed: Whether it is that one package needs another one.
    """

    def __init__(self, text: str = "", *, needed: bool = False) -> None:
        self.text, self.needed = text, needed


class Incompatibility:
    """Terms that cannot all be true.

    Args:
        terms: Which.
        cause: Why; the two incompatibilities that it follows from, where it does.
    """

    def __init__(self, terms: Sequence[Term], cause: "Cause | tuple[Incompatibility, Incompatibility]") -> None:
        self.cause = cause
        if len(terms) != 1 and isinstance(cause, tuple):
            # The project itself is always chosen.
            terms = [one for one in terms if not (one.positive and one.dependency.is_root)]
        # Where two terms are of one package they become one.
        self.terms = list(terms) if len(terms) == 1 or _are_of_two(terms) else _joined(terms)

    @property
    def is_failure(self) -> bool:
        """Whether it says that the project itself cannot be."""
        return not self.terms or (len(self.terms) == 1 and self.terms[0].dependency.is_root)

    def reasons(self) -> Iterator["Incompatibility"]:
        """Yield those that it follows from in the end, each once."""
        waiting: list[Incompatibility] = [self]
        seen: set[int] = set()
        while waiting:
            one = waiting.pop()
            if id(one) in seen:
                continue
            seen.add(id(one))
            if isinstance(one.cause, tuple):
                waiting += reversed(one.cause)
            else:
                yield one


def _are_of_two(terms: Sequence[Term]) -> bool:
    return len(terms) == 2 and terms[0].name != terms[1].name


def _joined(terms: Sequence[Term]) -> list[Term]:
    found: dict[str, Term] = {}
    for one in terms:
        known = found.get(one.name)
        both = one if known is None else known.intersection(one)
        assert both is not None, "what can never be follows from nothing"
        found[one.name] = both
    return list(found.values())
