"""What is known of artifacts while it is being found out: work is begun anew each time that more is known, until nothing is missing."""

from collections.abc import Callable, Mapping, Sequence

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.maven.collecting import Candidates, Lookup
from outrider.operators.packages.maven.coordinates import METAVERSIONS, Artifact, Project
from outrider.operators.packages.maven.descriptors import Descriptor, described
from outrider.operators.packages.maven.loading import Loading, UnloadedError
from outrider.operators.packages.maven.models import Library, Model, Models, OwnModel
from outrider.operators.packages.maven.order import RESOLVER_SCHEME
from outrider.operators.packages.maven.poms import Pom
from outrider.operators.packages.maven.profiles import Machine
from outrider.operators.packages.maven.sources import MavenSource
from outrider.operators.packages.resolving.policies import Policy, Refusal, refused
from outrider.operators.packages.versions.tables import VersionTable


class Reading(Loading):
    """What is known, and what is missing.

    Args:
        source: Has POMs and versions.
        machine: What profiles and properties depend on.
        policy: What may be chosen.
        check: Called now and then; it may raise to end the work.
        preferred: Returns which versions of a name are looked at alone where a range allows any of them, as `Question` has it.

    Attributes:
        lookup: What a collector asks.
    """

    def __init__(
        self,
        source: MavenSource,
        machine: Machine,
        policy: Policy,
        check: Callable[[], None],
        preferred: Callable[[str, Sequence[str]], int] | None = None,
    ) -> None:
        super().__init__(source, check)
        self._policy, self._preferred = policy, preferred
        self._descriptors: dict[Project, Descriptor] = {}
        self._refusals: dict[tuple[str, str], Sequence[Refusal]] = {}
        self._models = Models(Library(self._pom, self.table, self._expect), machine)
        self.lookup = Lookup(self.candidates, self._descriptor, source.is_beside)

    def have(self, poms: Mapping[Project, Pom]) -> None:
        """Have POMs of projects that are built beside, and for which no repository is asked."""
        self._source.have(poms)

    async def model(self, project: Project) -> Model | None:
        """Return what a POM comes to; None where no repository has it.

        Raises:
            OutriderError: What a repository says.
        """
        return (await self.settled(lambda _: (self._models.model(project),)))[0]

    async def own(self, beside: Sequence[Pom], properties: Mapping[str, str]) -> OwnModel:
        """Return what the POM of a project on this machine comes to; the parameters are those of `Models.own`.

        Raises:
            OutriderError: What a repository says.
        """
        return await self.settled(lambda _: self._models.own(beside, properties))

    def refusals(self, name: str, version: str = "") -> Sequence[Refusal]:
        """Return what the policy refuses of an artifact.

        Args:
            name: Group and artifact.
            version: The only one that is asked about; empty for all, which have to be known.
        """
        key = (name, version)
        if key not in self._refusals:
            table = VersionTable(RESOLVER_SCHEME, [version]) if version else self.table(name)
            self._refusals[key] = self._policy.refusals(name, table, ())
        return self._refusals[key]

    def candidates(self, artifact: Artifact) -> Candidates | None:
        """Return which versions would do; None where that is not known yet."""
        text = artifact.version
        try:
            allowed = RESOLVER_SCHEME.range(text)
        except InvalidConfigError:
            return Candidates((), why_none="is not a range that can be read")
        try:
            if text in METAVERSIONS:
                version = self._named(artifact)
                return Candidates([version] if version else (), why_none="is not said by any repository")
            if allowed.preferred is not None:
                return Candidates([text])
            table = self.table(artifact.name)
            mask = table.mask(text)
            usable = mask & ~refused(self.refusals(artifact.name))
            first = usable & self._preferred(artifact.name, table.versions) if self._preferred is not None else 0
        except UnloadedError:
            return None
        return Candidates(table.named(first or usable), is_range=True, why_none=_why_none(table, mask))

    def _named(self, artifact: Artifact) -> str:
        """Return the version that LATEST or RELEASE stands for."""
        self.table(artifact.name)
        versions = self._source.versions[artifact.name]
        return versions.release if artifact.version == "RELEASE" else versions.latest or versions.release

    def _descriptor(self, project: Project) -> Descriptor | None:
        found = self._descriptors.get(project)
        if found is None:
            try:
                found = self._descriptors[project] = described(self._models, project)
            except UnloadedError:
                return None
        return found


def _why_none(table: VersionTable, mask: int) -> str:
    if not table.versions:
        return "is an artifact of which no repository has a version"
    if mask:
        return "allows only versions that may not be chosen"
    return f"allows none of the versions that there are: {_shown(table.versions)}"


def _shown(versions: Sequence[str]) -> str:
    return versions[0] if len(versions) == 1 else f"{versions[0]} to {versions[-1]}"
