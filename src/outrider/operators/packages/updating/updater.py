"""Chooses newer versions of some packages of a lock, and keeps all others where that will do."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from outrider.core.package_updates import Step
from outrider.operators.packages.fixing.asking import Asker, Resolve, asked_version, settled
from outrider.operators.packages.fixing.mending import Mended
from outrider.operators.packages.fixing.wishes import Project, Widening, Wish, replaced
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.updating.steps import StepPolicy

# Where not all ranges can be raised at once, so many are tried one by one.
_MOST_TRIED = 50


class Updater:
    """Updates one lock.

    Args:
        resolve: Resolves a question.
        question: What may be used for an answer; its policy counts too.
        project: The lock, and what it is the lock of.
        is_chosen: Whether a package is updated.
        step: How far that may lead.
    """

    def __init__(
        self, resolve: Resolve, question: Question, project: Project, is_chosen: Callable[[str], bool], step: Step
    ) -> None:
        self._asker = Asker(resolve, question, project)
        self._project, self._is_chosen = project, is_chosen
        self._policy = StepPolicy(question.policy, project.locked, is_chosen, step)

    async def update(self, *, raises: bool) -> Mended:
        """Choose.

        Args:
            raises: Whether ranges may be raised where they stand in the way.

        Raises:
            ConflictError: Even what is locked cannot be had any more.
            OutriderError: What a registry says.
        """
        wishes, widenings = list(self._project.wishes), list[Widening]()
        answer = await self._ask(wishes)
        if raises:
            widenings = await self._widenings(wishes, answer)
            raised = replaced(wishes, widenings)
            again = await self._ask(raised) if widenings else answer
            if widenings and isinstance(again, Resolved):
                wishes, answer = raised, again
            else:
                widenings = []
        if isinstance(answer, Impossible):
            raise answer.error()
        return Mended(
            answer=await self._whole(wishes, answer), before=await self._before(), fixed=[], blocked=[], widenings=widenings
        )  # fmt: skip

    async def _widenings(self, wishes: list[Wish], kept: Resolved | Impossible) -> list[Widening]:
        """Return the ranges that newer versions need: all at once, else one after the other as long as there is an answer."""
        candidates = [one for one in wishes if one.anyhow and self._is_chosen(one.name)]
        answer = await self._ask(_anyhow(wishes, candidates)) if candidates else kept
        if isinstance(answer, Resolved):
            return [found for one in candidates if (found := self._widening(one, kept, answer)) is not None]
        accepted: list[Widening] = []
        for one in candidates[:_MOST_TRIED]:
            others = replaced(wishes, accepted)
            alone = await self._ask(_anyhow(others, [one]))
            found = self._widening(one, kept, alone) if isinstance(alone, Resolved) else None
            # What has been raised before must still be had beside it.
            if found is not None and isinstance(await self._ask(replaced(others, [found])), Resolved):
                accepted.append(found)
        return accepted

    def _widening(self, wish: Wish, kept: Resolved | Impossible, answer: Resolved) -> Widening | None:
        before = asked_version(kept, wish.name) if isinstance(kept, Resolved) else ""
        after = asked_version(answer, wish.name)
        return Widening(wish, self._project.widened(wish, after)) if after and after != before else None

    async def _whole(self, wishes: Sequence[Wish], answer: Resolved) -> Resolved:
        """Return what is to be locked, with all that a lock file has of each package."""
        whole = await settled(answer, lambda locked: self._ask(wishes, locked=locked, files=True))
        return answer if whole is None else whole

    async def _before(self) -> Resolved | None:
        """Return what would be chosen with what is locked, where a file of pins does not say what it needs."""
        if not any(wish.firm for wish in self._project.wishes):
            return None
        firm = [wish.firm or wish.text for wish in self._project.wishes]
        found = await self._asker.ask(
            self._project.wishes, firm, self._policy, self._project.locked, files=False
        )  # fmt: skip
        return found if isinstance(found, Resolved) else None

    async def _ask(
        self, wishes: Sequence[Wish], *, locked: Mapping[str, set[str]] | None = None, files: bool = False
    ) -> Resolved | Impossible:
        """Ask with all else as it is locked, where that will do."""
        kept = {name: set(found) for name, found in self._project.locked.items() if not self._is_chosen(name)}
        firm = [wish.firm if wish.firm and not self._is_chosen(wish.name) else wish.text for wish in wishes]
        plain = [wish.text for wish in wishes]
        answer: Resolved | Impossible = Impossible(asked=plain, reasons=[])
        for packages in [firm, plain] if firm != plain else [plain]:
            answer = await self._asker.ask(
                wishes, packages, self._policy, kept if locked is None else locked, files=files
            )
            if isinstance(answer, Resolved):
                break
        return answer


def _anyhow(wishes: Sequence[Wish], candidates: Sequence[Wish]) -> list[Wish]:
    return [msgspec.structs.replace(one, text=one.anyhow) if one in candidates else one for one in wishes]
