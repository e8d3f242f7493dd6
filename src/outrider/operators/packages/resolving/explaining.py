"""Why there is no solution, in sentences: each is true of the index, and each conclusion follows from what stands before it."""

from typing import Protocol

from outrider.operators.packages.resolving.conflicts import Proof
from outrider.operators.packages.resolving.domains import Incompatibility

# A proof with more steps than this is told by its facts.
_MOST_STEPS = 12


class Names(Protocol):
    """How packages and versions are called."""

    def full(self, package: int) -> int:
        """Return the mask of all versions that may be chosen, and the bit for none at all above them."""

    def name(self, package: int) -> str:
        """Return how a package is called."""

    def described(self, package: int, mask: int) -> str:
        """Return how people call some versions of a package, such as `boto3 before 1.4`."""

    def demanded(self, package: int, versions: int, other: int) -> str:
        """Return what versions of a package say of another one, as it is written, such as `boto3>=99`.

        Empty where they do not all say the same.
        """

    def wished(self, package: int) -> str:
        """Return what was asked of a package, as it was written; empty where nothing was."""


class Explanation:
    """Tells a proof.

    Args:
        proof: What was derived.
        names: How things are called.
    """

    def __init__(self, proof: Proof, names: Names) -> None:
        self._proof, self._names = proof, names
        self._lines: list[str] = []
        self._numbers: dict[Incompatibility, int] = {}

    def sentences(self) -> list[str]:
        """Return the sentences; the last one says that it cannot be done."""
        steps = self._steps()
        if len(steps) > _MOST_STEPS:
            facts = [self._said(fact) for fact in self._facts(steps)]
            # Names keep their letters, at the beginning of a sentence too.
            return [*(f"{fact}." for fact in dict.fromkeys(facts)), "These cannot all hold at once."]
        for step in steps:
            self._tell(step)
        return self._lines

    def _steps(self) -> list[Incompatibility]:
        """Return what was derived, each after what it follows from."""
        ordered: dict[Incompatibility, None] = {}
        waiting: list[tuple[Incompatibility, bool]] = [((), False)]
        while waiting:
            statement, ready = waiting.pop()
            if statement in ordered or statement not in self._proof:
                continue
            if ready:
                ordered[statement] = None
            else:
                waiting.append((statement, True))
                waiting += [(cause, False) for cause in reversed(self._causes(statement))]
        return list(ordered)

    def _causes(self, statement: Incompatibility) -> list[Incompatibility]:
        """Return what a statement follows from; what says the same in fewer words is passed over."""
        return list(dict.fromkeys(self._origin(cause) for cause in self._proof[statement]))

    def _origin(self, statement: Incompatibility) -> Incompatibility:
        causes = set(self._proof.get(statement, ()))
        return self._origin(causes.pop()) if len(causes) == 1 else statement

    def _facts(self, steps: list[Incompatibility]) -> list[Incompatibility]:
        return list(dict.fromkeys(cause for step in steps for cause in self._causes(step) if cause not in self._proof))

    def _tell(self, statement: Incompatibility) -> None:
        causes = self._causes(statement)
        derived = [cause for cause in causes if cause in self._proof]
        facts = list(dict.fromkeys(self._said(cause) for cause in causes if cause not in self._proof))
        last = len(self._lines)
        if len(derived) == 1 and self._numbers[derived[0]] == last:
            begin = f"And because {facts[0]}" if facts else "So"
        else:
            begin = "Because " + ", and ".join(
                [*(f"{self._said(one)} ({self._numbers[one]})" for one in derived), *facts]
            )
        self._numbers[statement] = last + 1
        self._lines.append(f"{begin}, {self._said(statement)}.")

    def _said(self, statement: Incompatibility) -> str:
        """Return a statement in words."""
        if not statement:
            return "there is no solution"
        terms = list(zip(statement[::2], statement[1::2], strict=True))
        present = [term for term in terms if not term[1] & self._absent(term[0])]
        missing = [term for term in terms if term[1] & self._absent(term[0])]
        if not missing:
            if len(present) == 1 and not self._rest_mask(*present[0]) & ~self._absent(present[0][0]):
                return f"no version of {self._names.name(present[0][0])} can be used"
            shown = " and ".join(self._names.described(*term) for term in present)
            return f"{shown} cannot be used{' together' if len(present) > 1 else ''}"
        needed = " or ".join(self._rest(*term) for term in missing)
        if not present:
            return f"{needed} is needed" if statement in self._proof else self._asked(*missing[0])
        shown = " with ".join(self._names.described(*term) for term in present)
        if statement not in self._proof and len(present) == len(missing) == 1:
            written = self._names.demanded(*present[0], missing[0][0])
            none = not self._rest_mask(*missing[0])
            needed = written or (self._names.name(missing[0][0]) if none else needed)
            needed += ", of which there is no version that fits and may be used" if none else ""
        return f"{shown} needs {needed}"

    def _asked(self, package: int, mask: int) -> str:
        none = "" if self._rest_mask(package, mask) else ", of which there is no version that fits and may be used"
        return f"you ask for {self._names.wished(package) or self._rest(package, mask)}{none}"

    def _absent(self, package: int) -> int:
        return 1 << (self._names.full(package).bit_length() - 1)

    def _rest_mask(self, package: int, mask: int) -> int:
        """Return what is left of a package where a mask is forbidden."""
        return self._names.full(package) & ~mask

    def _rest(self, package: int, mask: int) -> str:
        return self._names.described(package, self._rest_mask(package, mask))
