"""Asks what a lock would be, with other ranges, other versions that are tried first, or another policy."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from outrider.core.errors import DeniedError, NotFoundError, UnsupportedError
from outrider.operators.packages.fixing.wishes import Project, Wish
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.policies import Policy
from outrider.operators.packages.resolving.questions import Question

_MOST_ROUNDS = 5
_MOST_TRIED = 20

Resolve = Callable[[Question], Awaitable[Resolved | Impossible]]
Locked = dict[str, set[str]]


class Asker:
    """Asks a resolver for one project.

    Args:
        resolve: Resolves a question.
        question: What may be used for an answer.
        project: That is asked for.
    """

    def __init__(self, resolve: Resolve, question: Question, project: Project) -> None:
        self._resolve, self._question, self._project = resolve, question, project

    async def ask(
        self,
        wishes: Sequence[Wish],
        packages: list[str],
        policy: Policy,
        locked: Mapping[str, set[str]],
        *,
        files: bool,
        refused: Callable[[Resolved], list[str]] = lambda _: [],
    ) -> Resolved | Impossible:
        """Return an answer that leaves nothing out, or why there is none.

        Args:
            wishes: What is asked for.
            packages: The same, each as its ecosystem is asked for it.
            policy: What may be chosen.
            locked: What is tried first.
            files: Whether all that a lock file has of each package is to be told.
            refused: Returns sentences about what else is wrong with an answer.
        """
        # What is left out of an answer of npm can be told from what its packages say alone.
        files = files or self._project.ecosystem == "npm"
        question = msgspec.structs.replace(self._question, packages=packages, files=files, locked=locked, policy=policy)
        try:
            answer = await self._resolve(question)
            missing = [*self._project.missing(answer), *refused(answer)] if isinstance(answer, Resolved) else []
        except (DeniedError, NotFoundError, UnsupportedError) as error:
            # npm tells in this way of what alone cannot be had, and of trees that it cannot build.
            answer, missing = None, [error.message]
        if answer is not None and not missing:
            return answer
        # No change of what is asked for was tried there.
        untried = [f"allow {wish.name} in any version" for wish in wishes if wish.anyhow]
        return Impossible(asked=packages, reasons=missing, remedies=untried[:_MOST_TRIED])


async def settled(answer: Resolved, ask: Callable[[Locked], Awaitable[Resolved | Impossible]]) -> Resolved | None:
    """Return what comes out once an answer itself is what is locked, with all that `ask` tells of each package.

    Versions of one name may become fewer then: the clients try what is locked first too, and would change what does not stay.

    Args:
        answer: What was chosen.
        ask: Asks again, where versions are tried first.

    Returns:
        The last answer; None where there is none.
    """
    whole: Resolved | None = None
    for _ in range(_MOST_ROUNDS):
        before = whole or answer
        again = await ask(versions_of(before))
        if not isinstance(again, Resolved):
            break
        whole = again
        if _places(again) == _places(before):
            break
    return whole


def versions_of(answer: Resolved) -> Locked:
    """Return the versions of an answer by name."""
    found: Locked = {}
    for one in answer.packages:
        found.setdefault(one.name, set()).add(one.version)
    return found


def asked_version(answer: Resolved, name: str) -> str:
    """Return the version of what was asked for, of several the last one; of several for kinds of machines the lowest one; empty where there is none."""
    found = [one for one in answer.packages if one.name == name]
    # A range that begins with it is to have those for all kinds.
    ordered = found if answer.forks else [*reversed(found)]
    asked = next((one.version for one in ordered if one.direct or not one.needed_by), "")
    return asked or (ordered[0].version if ordered else "")


def _places(answer: Resolved) -> list[tuple[str, str, str]]:
    return [(one.name, one.version, one.place) for one in answer.packages]
