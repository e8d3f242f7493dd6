"""Which versions of packages may be chosen at all, and in which order they come: that in which Composer takes them from a repository.

Composer has three ways to look into a repository, by what that says of itself: the methods `loadPackages` of its classes
`ArrayRepository` and `ComposerRepository`, https://github.com/composer/composer/tree/2.5.5/src/Composer/Repository.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from outrider.operators.packages.composer.candidates import Candidate
from outrider.operators.packages.composer.constraints import Constraint, Constraints
from outrider.operators.packages.composer.records import ComposerRecord
from outrider.operators.packages.composer.repositories import DEV, ComposerRepository
from outrider.operators.packages.composer.stabilities import NAMES, Stabilities
from outrider.operators.packages.composer.versions import PackageVersion, refusals, versions_of
from outrider.operators.packages.resolving.naming import counted
from outrider.operators.packages.resolving.policies import Policy

Batch = Mapping[str, Constraint]
# The normal forms of versions that were selected before, by name.
Loaded = Mapping[str, set[str]]


class Selected(NamedTuple):
    """What a repository has of some packages.

    Attributes:
        found: Of which it has any.
        candidates: Versions that may be chosen.
    """

    found: set[str]
    candidates: list[Candidate]


class Selection:
    """Selects versions.

    Args:
        stabilities: How unstable they may be.
        policy: What may be chosen.
    """

    def __init__(self, stabilities: Stabilities, policy: Policy) -> None:
        self.stabilities, self._policy = stabilities, policy
        self._constraints = Constraints()
        self._made: dict[int, list[PackageVersion]] = {}
        # By repository and name.
        self._refused: dict[tuple[int, str], dict[str, str]] = {}

    def select(self, repository: ComposerRepository, batch: Batch, loaded: Loaded) -> Selected:
        """Return what a repository has of packages.

        Args:
            repository: Its documents of these packages are loaded.
            batch: What is wanted of each package.
            loaded: What was selected before.
        """
        root = repository.root
        if root.is_whole:
            return self._of_whole(repository, batch, loaded)
        batch = {name: constraint for name, constraint in batch.items() if repository.allows(name)}
        if not root.metadata_url:
            return self._of_providers(repository, batch, loaded)
        inline = {name: constraint for name, constraint in batch.items() if name in root.inline}
        others = {name: constraint for name, constraint in batch.items() if name not in root.inline}
        first = self._of_providers(repository, inline, loaded)
        more = self._of_documents(repository, others, loaded)
        return Selected(first.found | more.found, first.candidates + more.candidates)

    def _of_whole(self, repository: ComposerRepository, batch: Batch, loaded: Loaded) -> Selected:
        """Look at all packages in their order; names that they provide may make them stable enough."""
        order = [name for name in repository.root.inline if name in batch and repository.records(name)]
        everything = [one for name in order for both in self._versions(repository, name) for one in both.candidates()]
        chosen: dict[Candidate, None] = {}
        for one in everything:
            is_new = one.normal not in loaded.get(one.name, ())
            if is_new and batch[one.name].allows(one.key) and self.stabilities.accept(one.names, one.stability):
                chosen |= dict.fromkeys((one, one.base))
        chosen |= dict.fromkeys(one for one in everything if one.base in chosen)
        return Selected({name for name in order if repository.records(name)[0].versions}, list(chosen))

    def _of_documents(self, repository: ComposerRepository, batch: Batch, loaded: Loaded) -> Selected:
        """Look at the documents of releases of all packages, and then at those of branches."""
        found: set[str] = set()
        chosen: list[Candidate] = []
        for document in (*batch, *(name + DEV for name in batch)):
            name, record = document.removesuffix(DEV), repository.document(document)
            if record is not None:
                found.add(name)
                for one in self._versions_in(repository, record, name):
                    if one.called[0].normal not in loaded.get(name, ()) and self._fits(one, name, batch[name]):
                        chosen += one.candidates()
        return Selected(found, chosen)

    def _of_providers(self, repository: ComposerRepository, batch: Batch, loaded: Loaded) -> Selected:
        """Look at one package after the other; what is not stable enough counts as not there."""
        found: set[str] = set()
        chosen: list[Candidate] = []
        for name, constraint in batch.items():
            stable = [one for one in self._versions(repository, name) if self._is_stable_enough(one, name)]
            if stable:
                found.add(name)
            new = [one for one in stable if one.called[0].normal not in loaded.get(name, ())]
            fitting = [one for one in new if any(constraint.allows(called.key) for called in one.called)]
            matched: dict[Candidate, None] = {}
            for one in (candidate for both in fitting for candidate in reversed(both.candidates())):
                if constraint.allows(one.key):
                    matched |= dict.fromkeys((one, one.base))
            matched |= dict.fromkeys(one.alias for one in fitting if one.alias is not None)
            chosen += matched
        return Selected(found, chosen)

    def _fits(self, one: PackageVersion, name: str, constraint: Constraint) -> bool:
        """Return whether something that a version is called is wanted, and stable enough."""
        return any(
            constraint.allows(called.key) and self.stabilities.accept((name,), called.stability)
            for called in one.called
        )

    def _is_stable_enough(self, one: PackageVersion, name: str) -> bool:
        return any(self.stabilities.accept((name,), called.stability) for called in one.called)

    def _versions(self, repository: ComposerRepository, name: str) -> Iterator[PackageVersion]:
        for record in repository.records(name):
            yield from self._versions_in(repository, record, name)

    def _versions_in(
        self, repository: ComposerRepository, record: ComposerRecord, name: str
    ) -> Iterable[PackageVersion]:
        """Return the versions in a document, each made once."""
        if id(record) not in self._made:
            refused = self._refused.get((id(repository), name))
            if refused is None:
                refused = refusals(self._policy, name, repository.records(name))
                self._refused[id(repository), name] = refused
            self._made[id(record)] = versions_of(record, name, set(refused), self._constraints)
        return self._made[id(record)]

    def further_stabilities(self, repository: ComposerRepository, name: str) -> set[int]:
        """Return how unstable those versions of a package are that are not stable enough."""
        versions = self._versions(repository, name)
        return {
            min(called.stability for called in one.called) for one in versions if not self._is_stable_enough(one, name)
        }

    def notes(self, repository: ComposerRepository, name: str) -> Iterator[str]:
        """Yield what is to be said of the versions of a package that cannot be chosen."""
        unreadable = sum(record.left_out for record in repository.records(name))
        if unreadable:
            yield f"{name}: {counted(unreadable, 'are in a form that cannot be read')}"
        reasons = list(self._refused.get((id(repository), name), {}).values())
        for why in dict.fromkeys(reasons):
            yield f"{name}: {counted(reasons.count(why), why)}"
        unstable = sum(not self._is_stable_enough(one, name) for one in self._versions(repository, name))
        if unstable:
            least = NAMES[self.stabilities.least(name)]
            yield f"{name}: {counted(unstable, f'are less stable than {least}')}"
