"""Chooses versions for all machines at once, and for several kinds of them where one version of each package does not do.

As uv does it: a kind of machines is told apart where a list of needs names a package for it alone, or where a newer version needs a newer
Python. The kinds with the highest Pythons are resolved first, and what was chosen for them is tried first for all others.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.pypi.core_metadata import Need
from outrider.operators.packages.pypi.details import PypiDetails
from outrider.operators.packages.pypi.resolver import PypiResolver
from outrider.operators.packages.pypi.sources import PypiSource
from outrider.operators.packages.pypi.universal.choosing import Chosen
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.indexes import Indexes
from outrider.operators.packages.pypi.universal.local_versions import told_apart
from outrider.operators.packages.pypi.universal.needs import applicable, flat, kinds
from outrider.operators.packages.pypi.universal.pythons import PythonRange, lowest
from outrider.operators.packages.pypi.universal.targets import UniversalTarget
from outrider.operators.packages.pypi.universal.trees import PYTHON, Tree, conjunction, disjoint, within
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.resolving.searching import bits

_MOST_KINDS = 100


class _Kind(NamedTuple):
    """A kind of machines that is to be resolved.

    Attributes:
        where: Which these are.
        indexes: That alone are asked for single packages there.
        served: By name, the Pythons for which a package was chosen before this kind was told apart.
    """

    where: Tree
    indexes: Indexes
    served: dict[str, PythonRange]


class ForkingResolver:
    """Resolves for all machines.

    Args:
        source: Where projects come from.
        pythons: Versions of Python that are to be served.
        lists: What is asked for: each list of needs by itself, that of the whole first.
        question: What may be used for an answer.
    """

    def __init__(
        self, source: PypiSource, pythons: PythonRange, lists: Sequence[Sequence[Need]], question: Question
    ) -> None:
        self._source, self._pythons, self._question = source, pythons, question
        # The whole needs all of its members.
        details = PypiDetails.of(question)
        members = [Need(one.name) for one in details.local if one.is_member]
        self._lists = [[*members, *needs] if not at else needs for at, needs in enumerate(lists)]
        self._kinds = [marker_tree(one) for one in details.kinds]
        self._indexes = Indexes(details.indexes, pythons.tree)
        self._chosen = Chosen(source, details.locked, files=question.files)

    async def resolve(self) -> Resolved | Impossible:
        """Choose versions.

        Raises:
            UnsupportedError: There are too many kinds of machines.
            InvalidConfigError: A package is to come from several indexes at once.
            OutriderError: As `PypiResolver.resolve` has it.
        """
        waiting = [_Kind(one, self._indexes.copy(), {}) for one in [*reversed(self._kinds)] or [True]]
        while waiting:
            kind = waiting.pop()
            several = self._of_lists(kind)
            if len(several) == 1:
                answer = await self._for(kind)
                if isinstance(answer, Impossible):
                    return answer
                several = self._of_packages(answer, kind)
                if len(several) == 1:
                    kind.indexes.settle((one.name for one in answer.packages), kind.where)
                    await self._chosen.take(kind.where, answer)
                    continue
            waiting += [_Kind(one, kind.indexes.copy(), {**kind.served}) for one in several]
            if len(self._chosen.forks) + len(waiting) > _MOST_KINDS:
                raise _too_many()
        return self._chosen.answer()

    async def _for(self, kind: _Kind) -> Resolved | Impossible:
        self._chosen.where = kind.where
        target = UniversalTarget(self._pythons, kind.where)
        targets = {name: UniversalTarget(self._pythons, kind.where, one) for name, one in kind.served.items()}
        self._source.retarget(target, kind.indexes.of(kind.where), targets)
        asked = [need for needs in self._lists for need in needs if not need.marker or target.holds(need.marker, "")]
        if not asked:
            return Resolved(target=target.python, packages=[])
        return await PypiResolver(self._source, target, self._question).resolve(list(dict.fromkeys(asked)))

    def _of_lists(self, kind: _Kind) -> list[Tree]:
        where = kind.where
        for needs in self._lists:
            needed = [*applicable(needs, "", self._within(where))]
            found = kinds(where, self._pythons.tree, needed)
            if len(found) > 1:
                return found
            kind.indexes.settle((need.name for need, _ in needed), where)
        return [where]

    def _of_packages(self, answer: Resolved, kind: _Kind) -> list[Tree]:
        """Return the kinds of machines that the first package tells apart that does so.

        As with uv, what was chosen before that is not judged anew for the Pythons of each of them.
        """
        where, packages = kind.where, {one.name: one for one in answer.packages}
        served = UniversalTarget(self._pythons, where).own_pythons
        allowed = self._allowed(answer, where)
        self._refuse_addresses(answer, allowed)
        for name in self._order(answer, where):
            found = self._of_version(packages[name], allowed[name], where)
            if len(found) == 1:
                found = self._of_local_version(packages[name], allowed[name], where)
            if len(found) > 1:
                return found
            kind.served.setdefault(name, served)
            for extra in ("", *packages[name].extras):
                if len(found) == 1:
                    found = kinds(where, self._pythons.tree, self._needs(packages[name], extra, where))
            if len(found) > 1:
                return found
        return [where]

    def _refuse_addresses(self, answer: Resolved, allowed: Mapping[str, int]) -> None:
        """Refuse versions of indexes that need something by its address: uv does so where it tries one, and tries no older one then.

        Raises:
            UnsupportedError: There is one before the version that was chosen.
        """
        for one in answer.packages:
            project = self._source.projects[one.name]
            bit = project.table.versions.index(one.version)
            if self._source.preferred(one.name, project.table.versions) >> bit & 1:
                continue
            for newer in bits(allowed[one.name] & project.explored & -1 << bit + 1):
                needs = [need for extra in ("", *one.extras) for need in project.needs(newer, extra)]
                need = next((each for each in needs if each.range.startswith(" @ ")), None)
                if need is not None:
                    raise _by_address(f"{one.name} {project.table.versions[newer]}", need)

    def _of_version(self, one: ResolvedPackage, allowed: int, where: Tree) -> list[Tree]:
        """Return two kinds of machines where a version that is tried before the chosen one needs a newer Python."""
        project = self._source.projects[one.name]
        bit = project.table.versions.index(one.version)
        preferred = self._source.preferred(one.name, project.table.versions)
        if preferred >> bit & 1:
            tried = project.ruled_out(bit, allowed & preferred)
        else:
            tried = chain(project.ruled_out(-1, allowed & preferred), project.ruled_out(bit, allowed))
        for python in tried:
            at = lowest(python)
            both = [] if at is None else [
                conjunction(where, within(PYTHON, None, at)), conjunction(where, within(PYTHON, at, None)),
            ]  # fmt: skip
            if both and not any(disjoint(each, self._pythons.tree) for each in both):
                return both
        return [where]

    def _of_local_version(self, one: ResolvedPackage, allowed: int, where: Tree) -> list[Tree]:
        project = self._source.projects[one.name]
        version = project.table.versions.index(one.version)
        return told_apart(project.record, version, allowed & project.usable, self._pythons, where)

    def _allowed(self, answer: Resolved, where: Tree) -> dict[str, int]:
        """Return the versions that all needs allow, by name."""
        tables = {one.name: self._source.projects[one.name].table for one in answer.packages}
        found = {name: table.everything for name, table in tables.items()}
        for need in self._all_needs(answer, where):
            if need.name in found and need.range:
                found[need.name] &= tables[need.name].mask(need.range)
        return found

    def _all_needs(self, answer: Resolved, where: Tree) -> Iterator[Need]:
        for needs in self._lists:
            yield from (need for need, _ in applicable(needs, "", self._within(where)))
        for one in answer.packages:
            for extra in ("", *one.extras):
                yield from (need for need, _ in self._needs(one, extra, where))

    def _order(self, answer: Resolved, where: Tree) -> list[str]:
        """Return the names of packages, those first that lie here, then those that stand nearest to what was asked for; what one package needs by name."""
        packages = {one.name: one for one in answer.packages}
        listed = (name for needs in self._lists for name in sorted(need.name for need in needs))
        found = dict.fromkeys(name for name in listed if name in packages)
        waiting = sorted(found, key=self._is_of_index)
        while waiting:
            name = waiting.pop(0)
            for extra in ("", *packages[name].extras):
                new = [need.name for need, _ in self._needs(packages[name], extra, where) if need.name not in found]
                new = [one for one in sorted({*new}) if one in packages]
                found |= dict.fromkeys(new)
                waiting = sorted([*waiting, *new], key=self._is_of_index)
        return sorted(found, key=self._is_of_index)

    def _is_of_index(self, name: str) -> bool:
        return not self._source.is_local(name)

    def _needs(self, one: ResolvedPackage, extra: str, where: Tree) -> Iterator[tuple[Need, Tree]]:
        project = self._source.projects[one.name]
        needs = project.all_needs(project.table.versions.index(one.version))
        return flat(needs, one.name, extra, self._within(where))

    def _within(self, where: Tree) -> Tree:
        return conjunction(where, self._pythons.tree)


def _by_address(which: str, need: Need) -> UnsupportedError:
    return UnsupportedError(
        f"{which} needs {need.name} by an address, which is trusted only where the project itself names it", path="project.dependencies",
        found=need.text()[:80], expected=f"{need.name} from an index", suggestions=[f"ask for {need.name} by this address yourself", f"ask for an older version than {which}"],
    )  # fmt: skip


def _too_many() -> UnsupportedError:
    return UnsupportedError(
        f"more than {_MOST_KINDS} kinds of machines would have to be told apart", path="project.dependencies", found="too many markers",
        expected="fewer of them", suggestions=["raise requires-python", "use uv itself: uv lock"],
    )  # fmt: skip
