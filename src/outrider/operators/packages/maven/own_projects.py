"""What Maven chooses for a project on this machine, from the text of its pom.xml."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.maven.collecting import Node
from outrider.operators.packages.maven.coordinates import ArtifactKey, Project
from outrider.operators.packages.maven.descriptors import Need, need_of
from outrider.operators.packages.maven.models import OwnModel
from outrider.operators.packages.maven.poms import Dependency, Pom
from outrider.operators.packages.maven.profiles import Machine, are_by_default
from outrider.operators.packages.maven.project import line_beside, pom_of
from outrider.operators.packages.maven.reactor import Reactor
from outrider.operators.packages.maven.reading import Reading
from outrider.operators.packages.maven.resolver import Chosen, Failed, MavenResolver
from outrider.operators.packages.maven.settings import MavenSettings
from outrider.operators.packages.resolving.outcomes import Impossible


class OwnChoice(NamedTuple):
    """What is chosen for a project.

    Attributes:
        own: The project.
        line: Its POM, and its parents as far as they are on the machine too, each as it is written, with its active profiles.
        nodes: What was chosen.
        moved: What ranges led to, as the resolver has it.
        beside: Where projects of the same build are, which are in no repository.
    """

    own: OwnModel
    line: list[Pom]
    nodes: list[Node]
    moved: dict[ArtifactKey, str]
    beside: Mapping[Project, Path] = MappingProxyType({})

    @property
    def inherited(self) -> list[Dependency]:
        """The dependencies that its own POM does not say, as they are written."""
        said = {one.key for one in self.line[0].parts.dependencies}
        return [one for one in self.own.dependencies if one.key not in said]

    @property
    def versions(self) -> dict[ArtifactKey, str]:
        """The version of each artifact that was chosen, but for what is on the machine itself."""
        return {
            node.artifact.key: node.artifact.version
            for node in self.nodes
            if node.artifact is not None and not node.is_local
        }

    @property
    def needed_beside(self) -> set[Path]:
        """The projects of the same build that were chosen."""
        chosen = (node.artifact.project for node in self.nodes if node.artifact is not None)
        return {self.beside[project] for project in chosen if project in self.beside}

    @property
    def boms_beside(self) -> list[Path]:
        """The projects of the same build that are imported as BOMs, the one that counts first."""
        places = {(project.group, project.artifact): place for project, place in self.beside.items()}
        imports = [one[:2] for one, said in self.own.managed.items() if (said.type, said.scope) == ("pom", "import")]
        return [
            places[one] for group, artifact in reversed(imports) if (one := (group or "", artifact or "")) in places
        ]

    @property
    def shown(self) -> set[str]:
        """How people call what was chosen, with the scopes."""
        return {f"{node.artifact.shown} ({node.scope})" for node in self.nodes if node.artifact is not None}

    @property
    def facts(self) -> set[tuple[str, ...]]:
        """All that tells one choice from another: names, versions and scopes."""
        return {
            (*node.artifact.key, node.artifact.version, node.scope, str(node.optional))
            for node in self.nodes
            if node.artifact is not None
        }


def _as_chosen(needs: Sequence[Need], chosen: Chosen) -> list[Need]:
    """Return the dependencies of a project as they are when Maven resolves it again, which it does for each plugin that asks.

    https://github.com/apache/maven/blob/maven-3.8.7/maven-core/src/main/java/org/apache/maven/lifecycle/internal/LifecycleDependencyResolver.java
    notes of each dependency the version that was chosen, and DefaultProjectDependenciesResolver takes that from then on.
    """
    versions = {node.artifact.key: node.artifact.version for node in chosen.nodes if node.artifact is not None}
    return [
        need._replace(artifact=need.artifact._replace(version=versions.get(need.artifact.key, need.artifact.version)))
        for need in needs
    ]


class OwnProject:
    """A project.

    Args:
        path: Of its pom.xml.
        reading: What is known of artifacts.
        settings: What Maven is told.
        resolver: Chooses.
        reactor: The build that it is of, the projects of which stand for themselves; None where it is one by itself.
    """

    def __init__(
        self,
        path: Path,
        reading: Reading,
        settings: MavenSettings,
        resolver: MavenResolver,
        reactor: Reactor | None = None,
    ) -> None:
        self._path, self._reading, self._settings, self._resolver = path.absolute(), reading, settings, resolver
        self._contents: Mapping[Path, bytes] = reactor.contents if reactor is not None else {}
        self._beside: Mapping[Project, Path] = {}
        if reactor is not None:
            self._beside = reactor.projects(settings.properties, settings.named)
            reading.have({project: reactor.pom(place) for project, place in self._beside.items()})

    async def choice(self, text: str) -> OwnChoice | Impossible:
        """Return what Maven chooses for all scopes.

        Args:
            text: Of the pom.xml.

        Raises:
            InvalidConfigError: It cannot be read, or a parent or a BOM is wrong.
            NotFoundError: No repository has a dependency.
            OutriderError: What a repository says.
        """
        settings = self._settings
        line = line_beside(
            self._path, settings.properties, settings.named, {**self._contents, self._path: text.encode()}
        )
        own = await self._reading.own(line, {**settings.properties, **self._folders()})
        if own.model.faults:
            fault = own.model.faults[0]
            raise InvalidConfigError(
                f"{self._path}: it {fault.text}", path="file", found=fault.text, expected="a POM that Maven can use",
                suggestions=[f"correct it, until mvn validate says nothing of it: {self._path}"],
            )  # fmt: skip
        needs, managed = (
            [need_of(one) for one in own.model.dependencies],
            [need_of(one, "") for one in own.model.managed],
        )
        chosen = await self._resolver.of_project(needs, managed)
        if isinstance(chosen, Chosen) and (again := _as_chosen(needs, chosen)) != needs:
            chosen = await self._resolver.of_project(again, managed)
        if isinstance(chosen, Failed):
            return self._impossible(chosen)
        return OwnChoice(own, line, chosen.nodes, chosen.moved, self._beside)

    def has_defaults(self, text: str) -> bool:
        """Return whether the text of the pom.xml has profiles that would not be active beside another one."""
        settings = self._settings
        machine = Machine({**settings.properties}, str(self._path.parent))
        return are_by_default(pom_of(text.encode()).profiles, machine, settings.named)

    def _folders(self) -> Mapping[str, str]:
        folder = str(self._path.parent)
        return {"basedir": folder, "project.basedir": folder, "pom.basedir": folder}

    def _impossible(self, failed: Failed) -> Impossible:
        change = f"change what {self._path.name} asks for, or exclude what leads to it"
        return Impossible(asked=[str(self._path)], reasons=failed.reasons, remedies=[change], notes=failed.notes)
